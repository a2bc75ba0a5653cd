/** The network of a finished run with which another run begins (two stages), or from which it learns (distillation). */
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { configOf } from '../config/identity.js';
import { settingsBesideName, withSettings } from '../config/namedConfig.js';
import { StorageError } from '../errors.js';
import { sha256 } from '../io/hash.js';
import { displayPath } from '../io/homePath.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { distinctProcesses, processesOf, processOf, sourceTimesOf } from '../run/processes.js';
import { readRecord } from '../run/record.js';
import type { SourceRun, SplitRecord } from '../run/recordSchema.js';
import { openRunFolder } from '../run/runFolder.js';
import type { HostTensors } from '../tensor.js';
import { checkpointPath, readCheckpoint } from './checkpoint.js';

export interface FinishedRun {
  /** The network after the last epoch: the averaged weights if the run keeps them. */
  readonly weights: HostTensors;
  /** The folder of the run, with the keys in which its config differs from the package's config of its name. */
  readonly description: string;
  /** What run.json of the other run says about this one. */
  readonly source: SourceRun;
  /** The images that it was trained on. */
  readonly trainedOn: SplitRecord;
}

/** Reads the run in `directory` below `output`; `what` names it in errors. Throws `StorageError`. */
export function readFinishedRun(directory: string, output: string, what: 'first stage' | 'teacher'): FinishedRun {
  const folder = openRunFolder(directory);
  const record = readRecord(folder.record);
  const path = checkpointPath(folder.checkpoints, 'last');
  if (!existsSync(path)) {
    throw new StorageError(`The ${what} is finished, but its last checkpoint is gone.`, {
      where: path,
      next:
        `It may have been cleared by gala runs clean. Put it back, or delete ${folder.directory} to train the ` +
        `${what} anew.`,
    });
  }
  const sources = sourceTimesOf(record);
  const weights = evaluatedModel(readCheckpoint(path).state);
  const bytes = Object.keys(weights)
    .sort()
    .map(name => weights[name]!.data)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return {
    weights,
    description: withSettings(displayPath(folder.directory), settingsBesideName(configOf(record))),
    trainedOn: record.splits.train!,
    source: {
      run: relative(output, folder.directory),
      config_hash: record.config_hash,
      epoch: record.epoch,
      weights_sha256: sha256(...bytes),
      training_seconds: record.training_seconds,
      processes: distinctProcesses(processesOf(record)).map(processOf),
      ...(sources.length > 0 && { sources }),
    },
  };
}
