/** A SLURM for tests: the one that runs here, or the project's own one-node SLURM started for the test file. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { packageRoot } from './gala.js';

const scripts = join(packageRoot, '..', 'shared', 'slurm');

/**
 * Why there is no SLURM to test on; undefined where there is one. With GALA_TEST_SLURM=start (as in .ci/run) and as
 * root, the scripts of ../shared/slurm install and start one, which is stopped again at the end.
 */
export function whyNoSlurm(): string | undefined {
  if (answers()) return undefined;
  if (process.env.GALA_TEST_SLURM !== 'start') {
    return 'no SLURM answers here (squeue); GALA_TEST_SLURM=start starts the one of ../shared/slurm, as root';
  }
  const start = join(scripts, 'start-local-slurm.sh');
  if (!existsSync(start)) return 'no SLURM answers here, and ../shared/slurm is missing';
  const { status, stdout, stderr } = spawnSync('bash', [start], { encoding: 'utf8', timeout: 300_000 });
  if (status !== 0 || !answers()) {
    return `SLURM could not be started: ${(stderr.trim() || stdout.trim()).split('\n').at(-1)}`;
  }
  after(() => spawnSync('bash', [join(scripts, 'stop-local-slurm.sh')]));
  return undefined;
}

function answers(): boolean {
  return spawnSync('squeue', ['-h']).status === 0;
}
