/** Finds Python packages: in the active virtual environment, then where python3 would import them from. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const pythonSeconds = 10;

/**
 * Folders of a top-level package, the most likely first; they need not exist. A generator, so that Python, which starts
 * slowly, is not started when an earlier folder is enough.
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
    // Without a python3 that works there is no package either.
  }
}

/** Names in a folder, sorted; an empty list where the folder cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
