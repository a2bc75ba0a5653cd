/** What earlier commands have begun and not ended: the tasks of their sweeps that are still going to be trained. */
import { StorageError } from '../errors.js';
import { isLocked } from '../io/folderLock.js';
import { listSweeps, openSweep, type Sweep } from './manifest.js';
import { sweepStatus, type TaskState } from './status.js';

/** A local pool goes through its tasks by itself; SLURM starts what it has in the queue. */
const claimed: Readonly<Record<'local' | 'slurm', readonly TaskState[]>> = {
  local: ['not started', 'stopped', 'running'],
  slurm: ['waiting', 'running'],
};

/**
 * Config hash → who is going to train it, for the sweeps `base`, `base-2`, … below `output`: tasks of a local one whose
 * process lives, and with the launcher `slurm` those that SLURM has in its queue. A sweep whose manifest cannot be read
 * claims nothing. Throws `ConfigError` where SLURM cannot be asked.
 */
export function claimedTasks(base: string, output: string, launcher: 'local' | 'slurm'): Map<string, string> {
  const names = listSweeps(output).filter(name => name.startsWith(base) && /^(-\d+)?$/.test(name.slice(base.length)));
  const claims = new Map<string, string>();
  for (const sweep of names.flatMap(name => openIfUsable(name, output))) {
    const { name, launcher: own } = sweep.manifest;
    const isAlive = own.name === 'local' ? isLocked(sweep.directory) : launcher === 'slurm';
    if (!isAlive) continue;
    for (const { task, state, job } of sweepStatus(sweep)) {
      if (!claimed[own.name].includes(state)) continue;
      claims.set(task.config_hash, job === undefined ? `the sweep ${name}` : `the job ${job} of the sweep ${name}`);
    }
  }
  return claims;
}

function openIfUsable(name: string, output: string): Sweep[] {
  try {
    return [openSweep(name, output)];
  } catch (error) {
    if (error instanceof StorageError) return [];
    throw error;
  }
}
