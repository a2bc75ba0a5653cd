/**
 * The first stage of a two-stage experiment is a run of its own, which several second stages may share. It is searched
 * for among the runs, trained if it is missing, and awaited if another process trains it.
 */
import { configHash } from '../config/identity.js';
import type { LoadedConfig } from '../config/load.js';
import { renderConfig } from '../config/render.js';
import type { Config, StageConfig } from '../config/schema.js';
import type { FolderLock } from '../io/folderLock.js';
import { experimentLockFolder, isExperimentLocked, tryLockExperiment } from '../run/experimentLock.js';
import { beginRunFolder, type HeldRun, holdRunFolder, openRunFolder } from '../run/runFolder.js';
import { divergedAlready, openRunStore } from '../run/runStore.js';
import { type FinishedRun, readFinishedRun } from './finishedRun.js';
import { requireTeachers } from './teachers.js';

/** A training of the first stage. */
interface FirstStageJob {
  readonly held: HeldRun;
  readonly loaded: Pick<LoadedConfig, 'config' | 'yaml' | 'warnings'>;
  readonly resume: boolean;
  /** To be called once the run has its record, which shows other processes what is trained here. */
  onBegun(): void;
}

/** How the caller trains, waits and informs the user, by whole sentences. */
interface FirstStageActions {
  /** Trains to the end; throws if it is stopped before. */
  train(job: FirstStageJob): Promise<unknown>;
  /** Resolves when `isFree`; the sentences say what the command waits for. */
  waitUntil(isFree: () => boolean, sentences: readonly string[]): Promise<void>;
  /** Receives what happens with the first stage. */
  onNote(sentence: string): void;
}

/**
 * The finished run below `output` of a config's first stage; undefined for a config without stages. `dataRoot` is the
 * folder of the images, by default that of the config. Runs are found by the hash of their config, so one first stage
 * serves all second stages that need it. Throws `DivergedError`, `StorageError`, what the actions throw, and
 * `DataError` where teachers of the second stage are missing.
 */
export async function finishedFirstStage(
  config: Config,
  output: string,
  dataRoot: string | undefined,
  { train, waitUntil, onNote }: FirstStageActions,
): Promise<FinishedRun | undefined> {
  const first = config.stages?.representation;
  if (first === undefined) return undefined;
  const hash = configHash(first);
  const lockFolder = experimentLockFolder(output, first.name, hash);
  const find = () => openRunStore(output).ofHash(first.name, hash);
  const sentence = (text: string) => `First stage, ${first.name}: ${text}`;
  // The first stage takes hours: missing teachers are told before.
  if (find()?.state !== 'finished') await requireTeachers(config, output, dataRoot);
  for (;;) {
    const found = find();
    if (found?.state === 'finished') {
      const finished = readFinishedRun(found.directory, output, 'first stage');
      onNote(sentence(`finished, ${finished.description}`));
      return finished;
    }
    if (found?.state === 'diverged') throw divergedAlready('The first stage', found);
    // If several second stages start together, one of them trains the first stage.
    const lock = found?.state === 'in progress' ? undefined : tryLockExperiment(lockFolder);
    if (lock === undefined || !('release' in lock)) {
      const isFree = () => !isExperimentLocked(lockFolder) && find()?.state !== 'in progress';
      const place = found?.directory ?? lockFolder;
      await waitUntil(isFree, [sentence(`another process trains it; waiting for it to end (${place}).`)]);
      continue;
    }
    try {
      const now = find();
      if (now === undefined || now.state === 'resumable') {
        const begun = now?.directory;
        const job = firstStageJob(first, output, begun, lock);
        onNote(sentence(begun === undefined ? 'not trained yet, so it comes first.' : `going on with ${begun}`));
        await train(job);
      }
    } finally {
      lock.release();
    }
  }
}

/** `begun` is the folder of a run to resume. */
function firstStageJob(
  config: StageConfig,
  output: string,
  begun: string | undefined,
  lock: FolderLock,
): FirstStageJob {
  const { name, seed } = config;
  const held = begun === undefined ? beginRunFolder({ output, name, seed }) : holdRunFolder(openRunFolder(begun));
  const yaml = renderConfig(
    config,
    'Resolved by gala as the first stage of another config, every key written: running this file repeats the run.',
  );
  const loaded = { config, yaml, warnings: [] };
  return { held, loaded, resume: begun !== undefined, onBegun: () => lock.release() };
}
