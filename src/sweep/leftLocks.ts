/** Locks that killed jobs left: in run folders of a sweep, in the folders that begin a run, and in first stages. */
import { existsSync } from 'node:fs';
import { configHash } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import type { StageConfig } from '../config/schema.js';
import { ConfigError } from '../errors.js';
import { removeLocksOfJobs } from '../io/folderLock.js';
import { experimentLockFolder } from '../run/experimentLock.js';
import { openRunStore, type RunStore } from '../run/runStore.js';
import { type Sweep, taskConfig } from './manifest.js';
import type { TaskStatus } from './status.js';

/** Removes the locks that jobs left in the folders of the tasks; `isOver` tells whether a job has ended. */
export function removeLeftLocks(sweep: Sweep, statuses: readonly TaskStatus[], isOver: (job: string) => boolean): void {
  const runs = openRunStore(sweep.output);
  const folders = statuses.flatMap(({ task, directory }) =>
    directory === undefined
      ? [
          experimentLockFolder(sweep.output, task.config, task.config_hash),
          ...firstStageFolders(sweep, task.index, runs),
        ]
      : [directory],
  );
  for (const folder of new Set(folders)) if (existsSync(folder)) removeLocksOfJobs(folder, isOver);
}

/**
 * The run folder of the first stage, if there is one, and the folder of its lock. A run that has begun needs neither.
 */
function firstStageFolders(sweep: Sweep, index: number, runs: RunStore): string[] {
  const stage = firstStageOf(sweep, index);
  if (stage === undefined) return [];
  const hash = configHash(stage);
  const run = runs.ofHash(stage.name, hash);
  return [...(run ? [run.directory] : []), experimentLockFolder(sweep.output, stage.name, hash)];
}

function firstStageOf(sweep: Sweep, index: number): StageConfig | undefined {
  try {
    return loadConfig(taskConfig(sweep, index)).config.stages?.representation;
  } catch (error) {
    // The task will fail with this error; the others go on.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
