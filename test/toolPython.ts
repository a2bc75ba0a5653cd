/**
 * A Python that has a package which only tests need: GALA_<PACKAGE>_PYTHON, the one of scripts/test-tools.sh, or
 * python3.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env.GALA_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gala');

/** Undefined where there is none; then the tests that need it are skipped visibly. */
export function toolPython(name: 'tensorboard' | 'onnxruntime'): string | undefined {
  const candidates = [process.env[`GALA_${name.toUpperCase()}_PYTHON`], join(cache, 'test-tools', name, 'bin/python')];
  const named = candidates.find(path => path !== undefined && existsSync(path));
  if (named !== undefined) return named;
  const probe = spawnSync('python3', ['-c', `import ${name}`], { stdio: 'ignore' });
  return probe.status === 0 ? 'python3' : undefined;
}
