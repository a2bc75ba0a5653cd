/** A Python that has tensorboard: GALA_TENSORBOARD_PYTHON, the one of scripts/test-tools.sh, or python3. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env.GALA_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gala');
const candidates = [process.env.GALA_TENSORBOARD_PYTHON, join(cache, 'test-tools/tensorboard/bin/python')];

/** Undefined where there is none; then the tests that need it are skipped visibly. */
export function tensorboardPython(): string | undefined {
  const named = candidates.find(path => path !== undefined && existsSync(path));
  if (named !== undefined) return named;
  const probe = spawnSync('python3', ['-c', 'import tensorboard'], { stdio: 'ignore' });
  return probe.status === 0 ? 'python3' : undefined;
}
