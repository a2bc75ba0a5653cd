/** The SLURM launcher: submits the tasks as job arrays and keeps each script in the folder of the sweep. */
import { join } from 'node:path';
import { ConfigError, withRemedy } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { sweepCommand } from '../command.js';
import { recordJob, type Sweep, type SweepTask } from '../manifest.js';
import { maxArraySize, submitScript } from './client.js';
import type { SlurmOptions } from './options.js';
import { arrayParts, batchScript } from './script.js';

/** The batch scripts of the tasks, one per job array. Throws `ConfigError`. */
export function batchScripts(sweep: Sweep, options: SlurmOptions, tasks: readonly SweepTask[]) {
  const indices = tasks.map(({ index }) => index);
  return arrayParts(indices, maxArraySize()).map(part => ({ part, script: batchScript(sweep, options, part) }));
}

/**
 * Submits the tasks, keeps each script as `submit-<k>.sh`, and returns the ids of the arrays. With `parallel`, each
 * array waits for the one before it. Throws `ConfigError`, also where SLURM took only some of the arrays, and
 * `StorageError`.
 */
export function submitTasks(sweep: Sweep, options: SlurmOptions, tasks: readonly SweepTask[]): string[] {
  const ids: string[] = [];
  let current = sweep;
  for (const { part, script } of batchScripts(sweep, options, tasks)) {
    const path = join(sweep.directory, `submit-${current.manifest.jobs.length}.sh`);
    writeFileAtomic(path, script);
    try {
      const id = submitScript(path, options.parallel === undefined ? undefined : ids.at(-1));
      current = recordJob(current, id, part);
      ids.push(id);
    } catch (error) {
      if (ids.length === 0 || !(error instanceof ConfigError)) throw error;
      throw withRemedy(
        error,
        `Submitted so far: ${describeArrays(ids)}. Submit the other runs later: ${sweepCommand('resume', sweep)}`,
      );
    }
  }
  return ids;
}

/** `job array 7`, `job arrays 7, 8`. */
export function describeArrays(ids: readonly string[]): string {
  return `job array${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;
}
