/**
 * Where Python keeps a package: its folders in the active virtual environment, then where python3 would import it from.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const pythonSeconds = 10;

/**
 * Folders of a top-level package, the likeliest first; they need not exist. A generator, because starting Python takes
 * a while.
 */
export function* pythonPackageFolders(name: string, environment: NodeJS.ProcessEnv): Generator<string> {
  if (environment.VIRTUAL_ENV) {
    const lib = join(environment.VIRTUAL_ENV, 'lib');
    for (const python of namesIn(lib)) {
      if (python.startsWith('python3')) yield join(lib, python, 'site-packages', name);
    }
  }
  // find_spec finds a top-level package without importing it: TensorFlow takes seconds to import.
  const question =
    `import importlib.util as u; s = u.find_spec("${name}"); print(*(s.submodule_search_locations or []) ` +
    `if s else "", sep="\\n")`;
  try {
    const answer = execFileSync('python3', ['-c', question], {
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: pythonSeconds * 1000,
    });
    yield* answer.split('\n').filter(line => line.startsWith('/'));
  } catch {
    // No python3, or a broken one: then it has no package for us either.
  }
}

/** Names in a folder, sorted; none where it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
