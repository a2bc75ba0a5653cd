/**
 * The first stage of a two-stage experiment is a run of its own, which several second stages may share. It is searched
 * for among the runs, trained if it is missing, and awaited if another process trains it.
 */
import { relative } from 'node:path';
import { configHash } from '../config/identity.js';
import type { LoadedConfig } from '../config/load.js';
import { renderConfig } from '../config/render.js';
import type { StageConfig } from '../config/schema.js';
import type { FolderLock } from '../io/folderLock.js';
import { experimentLockFolder, isExperimentLocked, tryLockExperiment } from '../run/experimentLock.js';
import { beginRunFolder, type HeldRun, holdRunFolder, openRunFolder } from '../run/runFolder.js';
import { divergedAlready, openRunStore } from '../run/runStore.js';
import { type FinishedRun, readFinishedRun } from './finishedRun.js';

/** A training of the first stage. */
interface FirstStageJob {
  readonly held: HeldRun;
  readonly loaded: Pick<LoadedConfig, 'config' | 'yaml' | 'warnings'>;
  readonly resume: boolean;
  /** To be called once the run has its record, which shows other processes what is trained here. */
  onBegun(): void;
}

/** How the caller trains, waits and informs the user. */
interface FirstStageActions {
  /** Trains to the end; throws if it is stopped before. */
  train(job: FirstStageJob): Promise<unknown>;
  /** Resolves when `isFree`; the sentences say what the command waits for. */
  waitUntil(isFree: () => boolean, sentences: readonly string[]): Promise<void>;
  /** Receives sentences on what happens with the first stage. */
  onNote(sentence: string): void;
}

/**
 * A finished run of the first stage's config below `output`. Runs are found by the hash of their config, so one first
 * stage serves all second stages that need it. Throws `DivergedError`, `StorageError`, and what the actions throw.
 */
export async function finishedFirstStage(
  config: StageConfig,
  output: string,
  actions: FirstStageActions,
): Promise<FinishedRun> {
  const hash = configHash(config);
  const lockFolder = experimentLockFolder(output, config.name, hash);
  const find = () => openRunStore(output).ofHash(config.name, hash);
  for (;;) {
    const found = find();
    if (found?.state === 'finished') {
      actions.onNote(`finished, ${relative(process.cwd(), found.directory)}`);
      return readFinishedRun(found.directory, output, 'first stage');
    }
    if (found?.state === 'diverged') throw divergedAlready('The first stage', found);
    // If several second stages start together, one of them trains the first stage.
    const lock = found?.state === 'in progress' ? undefined : tryLockExperiment(lockFolder);
    if (lock === undefined || !('release' in lock)) {
      const isFree = () => !isExperimentLocked(lockFolder) && find()?.state !== 'in progress';
      const place = found?.directory ?? lockFolder;
      await actions.waitUntil(isFree, [`another process trains it; waiting for it to end (${place}).`]);
      continue;
    }
    try {
      const now = find();
      if (now === undefined || now.state === 'resumable')
        await trainFirstStage(config, output, now?.directory, lock, actions);
    } finally {
      lock.release();
    }
  }
}

async function trainFirstStage(
  config: StageConfig,
  output: string,
  directory: string | undefined,
  lock: FolderLock,
  { train, onNote }: FirstStageActions,
): Promise<void> {
  const { name, seed } = config;
  const held =
    directory === undefined ? beginRunFolder({ output, name, seed }) : holdRunFolder(openRunFolder(directory));
  onNote(directory === undefined ? 'not trained yet, so it comes first.' : `going on with ${directory}`);
  const yaml = renderConfig(
    config,
    'Resolved by gala as the first stage of another config, every key written: running this file repeats the run.',
  );
  await train({
    held,
    loaded: { config, yaml, warnings: [] },
    resume: directory !== undefined,
    onBegun: () => lock.release(),
  });
}
