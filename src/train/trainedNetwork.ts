/** The trained network of a run, without its training data: for predictions and exports. */
import { existsSync } from 'node:fs';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { inputSizeOf } from '../data/schema.js';
import { datasets, isImageFiles } from '../data/sets/index.js';
import { type Evaluation, readLogitsFile } from '../eval/logitsFile.js';
import { createBackbone, createHead } from '../models/index.js';
import { backbonePrefix, headPrefix, withPrefix } from '../models/modelEntries.js';
import { fitState } from '../models/weights.js';
import { readRecord } from '../run/record.js';
import type { NetworkRecord, RunRecord } from '../run/recordSchema.js';
import { logitsPath, openRunFolder, type RunFolder } from '../run/runFolder.js';
import { listStoredLogits } from '../run/storedLogits.js';
import type { HostTensors } from '../tensor.js';
import { chooseCheckpoint, readCheckpoint } from './checkpoint.js';
import type { Network } from './network.js';

export interface TrainedNetwork {
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly config: Config;
  /** `best`, `last` or the path of a checkpoint file. */
  readonly checkpoint: string;
  /** Finished epochs, and the steps of the next epoch. */
  readonly epoch: number;
  readonly step: number;
  readonly network: Network;
  /** Entries of the network: the averaged weights if the run keeps them. */
  readonly model: HostTensors;
  readonly classNames: readonly string[];
  /** Pixels of the shorter side of an image before the central crop. */
  readonly shortSide: number;
}

/**
 * Reads a checkpoint of a run: `best`, `last` or a file; when left out, `best` if the run has one, else `last`.
 * `overrides` change keys of its config, such as `engine=xla`. Throws `StorageError`, `ConfigError`, `DataError`.
 */
export function readTrainedNetwork(run: string, given?: string, overrides: readonly string[] = []): TrainedNetwork {
  const folder = openRunFolder(run);
  const record = readRecord(folder.record);
  const { config } = loadConfig(folder.config, { set: overrides });
  const { name: checkpoint, path } = chooseCheckpoint(folder.checkpoints, given);
  const { state, progress } = readCheckpoint(path);
  const classes = record.splits.train!.class_counts!.length;
  const { image_shape, mean, std, class_names } = record.network ?? networkOfOldRun(folder, config, classes);
  const [height, width, channels] = image_shape as [number, number, number];
  const backbone = createBackbone(config.model, channels);
  const head = createHead(config.model, backbone.featureSize, classes);
  const { parameters, statistics } = backbone.init(0);
  const expected = {
    ...withPrefix(backbonePrefix, { ...parameters, ...statistics }),
    ...withPrefix(headPrefix, head.init(0)),
  };
  return {
    folder,
    record,
    config,
    checkpoint,
    epoch: progress.epoch - 1,
    step: progress.step,
    network: { backbone, head, imageShape: [height, width, channels], mean, std },
    model: fitState(expected, state, path),
    classNames: class_names,
    shortSide: isImageFiles(config.data.dataset) ? inputSizeOf(config.data).shortSide : Math.min(height, width),
  };
}

/**
 * The stored test logits of this checkpoint; undefined if the run has none of its epoch. Throws `StorageError`,
 * `DataError`.
 */
export function testLogitsOf({ folder, checkpoint, epoch, step }: TrainedNetwork): Evaluation | undefined {
  if (checkpoint !== 'best' && checkpoint !== 'last') return undefined;
  const path = logitsPath(folder, `test-${checkpoint}`);
  if (step > 0 || !existsSync(path)) return undefined;
  const evaluation = readLogitsFile(path);
  return evaluation.epoch === epoch ? evaluation : undefined;
}

/**
 * The network of an old run whose record does not describe it. Image shape and statistics come from the dataset, class
 * names from stored logits; without these, classes are numbered.
 */
function networkOfOldRun(folder: RunFolder, { data }: Config, classes: number): NetworkRecord {
  const [stored] = listStoredLogits(folder);
  const names = stored === undefined ? [] : readLogitsFile(logitsPath(folder, stored)).classNames;
  const set = datasets[data.dataset];
  const { side } = inputSizeOf(data);
  const { height, width } = set.form === 'pixels' ? set.imageShape : { height: side, width: side };
  const { mean, std } = set.statistics;
  return {
    image_shape: [height, width, mean.length],
    mean,
    std,
    class_names: names.length === classes ? names : Array.from({ length: classes }, (_, label) => `class ${label}`),
  };
}
