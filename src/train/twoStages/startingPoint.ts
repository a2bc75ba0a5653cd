/** What a second stage begins with: the backbone of the first stage's last epoch under a new classifier. */
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { StorageError } from '../../errors.js';
import { sha256 } from '../../io/hash.js';
import { evaluatedModel } from '../../models/modelEntries.js';
import { distinctProcesses, processesOf, processOf } from '../../run/processes.js';
import { readRecord } from '../../run/record.js';
import type { FirstStage, SplitRecord } from '../../run/recordSchema.js';
import { openRunFolder } from '../../run/runFolder.js';
import type { HostTensors } from '../../tensor.js';
import { checkpointPath, readCheckpoint } from '../checkpoint.js';

export interface StartingPoint {
  readonly weights: HostTensors;
  readonly source: FirstStage;
  /** The images it was trained on. */
  readonly trainedOn: SplitRecord;
}

/** The last checkpoint of a finished run. Throws `StorageError` when it was removed or is damaged. */
export function readStartingPoint(directory: string, output: string): StartingPoint {
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
  const { state } = readCheckpoint(path);
  const weights = evaluatedModel(state);
  const bytes = Object.keys(weights)
    .sort()
    .map(name => weights[name]!.data)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return {
    trainedOn: record.splits.train!,
    weights,
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

/**
 * The state at step 0 with the given backbone, parameters and batch statistics. The classifier stays as it was drawn,
 * but where `withClassifier` is set its weight is the given one too.
 */
export function startFrom(initial: HostTensors, weights: HostTensors, withClassifier = false): HostTensors {
  return Object.fromEntries(
    Object.entries(initial).map(([name, value]) => {
      const isTaken = name.startsWith('backbone.') || (withClassifier && name === 'classifier.weight');
      const given = isTaken ? weights[name] : value;
      if (given !== undefined && given.shape.join() === value.shape.join()) return [name, given];
      throw new StorageError('The weights of the first stage do not fit this network.', {
        where: `${name} is ${given ? `[${given.shape}]` : 'missing'}, the network has [${value.shape}]`,
        next:
          'Both stages need the same model.backbone and dataset; delete the run of the first stage if it is an ' +
          'old one.',
      });
    }),
  );
}
