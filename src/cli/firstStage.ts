/** The first stage of a two-stage experiment: found among the runs, trained where it is missing, waited for where another process trains it. */
import { relative } from 'node:path';
import { configHash } from '../config/identity.js';
import { renderConfig } from '../config/render.js';
import type { StageConfig } from '../config/schema.js';
import { DivergedError } from '../errors.js';
import type { FolderLock } from '../io/folderLock.js';
import { experimentLockFolder, isExperimentLocked, tryLockExperiment } from '../run/experimentLock.js';
import { beginRunFolder, holdRunFolder, openRunFolder } from '../run/runFolder.js';
import { openRunStore } from '../run/runStore.js';
import { runTraining, type TrainingJob } from './runTraining.js';
import { waitUntil } from './waitUntil.js';

export interface FirstStageRequest extends Pick<TrainingJob, 'data' | 'quiet' | 'json'> {
  readonly config: StageConfig;
  readonly output: string;
}

/**
 * Folder of a finished run of the first stage's config below `output`. Runs are found by the hash of their config, so one first
 * stage serves every second stage that asks for it. Throws what training throws, `CommandExit` after a signal.
 */
export async function finishedFirstStage(request: FirstStageRequest): Promise<string> {
  const { config, output } = request;
  const hash = configHash(config);
  const lockFolder = experimentLockFolder(output, config.name, hash);
  const find = () => openRunStore(output).ofHash(config.name, hash);
  const say = (line: string) => process.stderr.write(`First stage, ${config.name}: ${line}\n`);
  for (;;) {
    const found = find();
    if (found?.state === 'finished') {
      if (!request.quiet) say(`finished, ${relative(process.cwd(), found.directory)}`);
      return found.directory;
    }
    if (found?.state === 'diverged') {
      throw new DivergedError(`The first stage has diverged already: ${found.record.failure ?? 'NaN or infinity'}`, {
        where: found.directory,
        next: 'The same config would do so again: change it, such as optim.learning_rate, or delete the folder.',
      });
    }
    // Of several second stages that start together one trains it.
    const lock = found?.state === 'in progress' ? undefined : tryLockExperiment(lockFolder);
    if (lock === undefined || !('release' in lock)) {
      const isFree = () => !isExperimentLocked(lockFolder) && find()?.state !== 'in progress';
      const place = found?.directory ?? lockFolder;
      await waitUntil(isFree, say, [`another process trains it; waiting for it to end (${place}).`]);
      continue;
    }
    try {
      const now = find();
      if (now === undefined || now.state === 'resumable') await trainIt(request, now?.directory, lock, say);
    } finally {
      lock.release();
    }
  }
}

async function trainIt(
  request: FirstStageRequest,
  directory: string | undefined,
  lock: FolderLock,
  say: (line: string) => void,
): Promise<void> {
  const { config, output, data, quiet, json } = request;
  const { name, seed } = config;
  const held =
    directory === undefined ? beginRunFolder({ output, name, seed }) : holdRunFolder(openRunFolder(directory));
  if (!quiet) say(directory === undefined ? 'not trained yet, so it comes first.' : `going on with ${directory}`);
  const yaml = renderConfig(
    config,
    'Resolved by gala as the first stage of another config, every key written: running this file repeats the run.',
  );
  await runTraining({
    held,
    loaded: { config, yaml, warnings: [] },
    resume: directory !== undefined,
    ...{ data, quiet, json },
    followedBy: 'stage',
    onBegun: lock.release,
  });
}
