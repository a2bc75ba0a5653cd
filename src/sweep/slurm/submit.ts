/** The SLURM launcher: one job array over the tasks, written down beside the sweep as it was submitted. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { recordJob, type Sweep, type SweepTask } from '../manifest.js';
import { submitScript } from './client.js';
import type { SlurmOptions } from './options.js';
import { batchScript } from './script.js';

/** Submits the tasks, with the script kept as `submit-<k>.sh`, and returns the id of the array. Throws `ConfigError`, `StorageError`. */
export function submitTasks(sweep: Sweep, options: SlurmOptions, tasks: readonly SweepTask[]): string {
  const indices = tasks.map(({ index }) => index);
  const path = join(sweep.directory, `submit-${sweep.manifest.jobs.length}.sh`);
  writeFileAtomic(path, batchScript(sweep, options, indices));
  const id = submitScript(path);
  recordJob(sweep, id, indices);
  return id;
}
