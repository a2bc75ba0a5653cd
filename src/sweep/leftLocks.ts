/**
 * Locks that killed jobs left on other nodes: in the runs of a sweep, where they began a run, and in the first stages
 * of runs.
 */
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

/** Removes those that the jobs that are over by `isOver` have in the folders of these tasks. */
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

/** The first stage's run folder, if there is one, and that of its lock. A run that is begun needs neither. */
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
    // Its task will fail with this; the others go on.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
