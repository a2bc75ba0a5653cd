/** Locks that killed jobs left on other nodes, in the runs of a sweep and in the first stages that these wait for. */
import { existsSync } from 'node:fs';
import { configHash } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import type { StageConfig } from '../config/schema.js';
import { ConfigError } from '../errors.js';
import { firstStageLockFolder } from '../run/firstStageLock.js';
import { removeLocksOfJobs } from '../run/lock.js';
import { findRunOfHash } from '../run/runOfConfig.js';
import { type Sweep, taskConfig } from './manifest.js';
import type { TaskStatus } from './status.js';

/** Removes those that the jobs that are over by `isOver` have in the folders of these tasks. */
export function removeLeftLocks(sweep: Sweep, statuses: readonly TaskStatus[], isOver: (job: string) => boolean): void {
  const folders = statuses.flatMap(({ task, directory }) =>
    directory === undefined ? firstStageFolders(sweep, task.index) : [directory],
  );
  for (const folder of new Set(folders)) removeLocksOfJobs(folder, isOver);
}

/** The first stage's run folder and that of its lock, as far as they are there. A run that is begun needs neither. */
function firstStageFolders(sweep: Sweep, index: number): string[] {
  const stage = firstStageOf(sweep, index);
  if (stage === undefined) return [];
  const hash = configHash(stage);
  const run = findRunOfHash(sweep.output, stage.name, hash);
  const lock = firstStageLockFolder(sweep.output, stage.name, hash);
  return [...(run ? [run.directory] : []), ...(existsSync(lock) ? [lock] : [])];
}

function firstStageOf(sweep: Sweep, index: number): StageConfig | undefined {
  try {
    return loadConfig(taskConfig(sweep, index)).config.stages?.representation;
  } catch (error) {
    // Its task will fail with this; the others go on.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
