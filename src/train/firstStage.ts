/**
 * The first stage of a two-stage experiment is a run of its own, which several second stages may share. It is searched
 * for among the runs, trained if it is missing, and awaited if another process trains it.
 */
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { configHash } from '../config/identity.js';
import type { LoadedConfig } from '../config/load.js';
import { renderConfig } from '../config/render.js';
import type { StageConfig } from '../config/schema.js';
import { StorageError } from '../errors.js';
import type { FolderLock } from '../io/folderLock.js';
import { sha256 } from '../io/hash.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { experimentLockFolder, isExperimentLocked, tryLockExperiment } from '../run/experimentLock.js';
import { distinctProcesses, processesOf, processOf } from '../run/processes.js';
import { readRecord } from '../run/record.js';
import type { FirstStage, SplitRecord } from '../run/recordSchema.js';
import { beginRunFolder, type HeldRun, holdRunFolder, openRunFolder } from '../run/runFolder.js';
import { divergedAlready, openRunStore } from '../run/runStore.js';
import type { HostTensors } from '../tensor.js';
import { checkpointPath, readCheckpoint } from './checkpoint.js';

/** The finished first stage, with which a second stage begins. */
export interface FinishedFirstStage {
  /** The network after the last epoch: the averaged weights if the run keeps them. */
  readonly weights: HostTensors;
  /** What run.json of the second stage says about the first. */
  readonly source: FirstStage;
  /** The images that it was trained on. */
  readonly trainedOn: SplitRecord;
}

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
): Promise<FinishedFirstStage> {
  const hash = configHash(config);
  const lockFolder = experimentLockFolder(output, config.name, hash);
  const find = () => openRunStore(output).ofHash(config.name, hash);
  for (;;) {
    const found = find();
    if (found?.state === 'finished') {
      actions.onNote(`finished, ${relative(process.cwd(), found.directory)}`);
      return readFirstStage(found.directory, output);
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

function readFirstStage(directory: string, output: string): FinishedFirstStage {
  const folder = openRunFolder(directory);
  const record = readRecord(folder.record);
  const path = checkpointPath(folder.checkpoints, 'last');
  if (!existsSync(path)) {
    throw new StorageError('The first stage is finished, but its last checkpoint is gone.', {
      where: path,
      next:
        `It may have been cleared by gala runs clean. Put it back, or delete ${folder.directory} to train the ` +
        'first stage anew.',
    });
  }
  const weights = evaluatedModel(readCheckpoint(path).state);
  const bytes = Object.keys(weights)
    .sort()
    .map(name => weights[name]!.data)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return {
    weights,
    trainedOn: record.splits.train!,
    source: {
      run: relative(output, folder.directory),
      config_hash: record.config_hash,
      epoch: record.epoch,
      weights_sha256: sha256(...bytes),
      training_seconds: record.training_seconds,
      processes: distinctProcesses(processesOf(record)).map(processOf),
    },
  };
}
