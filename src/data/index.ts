/** From the `data` part of a config to the datasets of a run. */

import { DataError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { bundledFolder } from './bundled.js';
import type { Dataset } from './dataset.js';
import { classCounts } from './dataset.js';
import { openImageSet } from './imageDatasets.js';
import { drawTraining, indexHash, subset } from './longTail.js';
import { normalisationOf } from './normalisation.js';
import { requireTwoClasses } from './oneClass.js';
import type { DataConfig } from './schema.js';
import type { ImageSplit, PixelSet, Statistics } from './sets/definition.js';
import { datasets } from './sets/index.js';
import type { CheckWatcher } from './verify/checkSplit.js';

/** What a config says of the images, without the order they are visited in. */
export type DatasetConfig = Omit<DataConfig, 'sampler'>;

export interface OpenOptions {
  /** The `--data` option: goes before GALA_DATA and `data.root`. */
  readonly dataRoot?: string | undefined;
  /**
   * Fraction of the training images of each class to keep apart as the split `val`, drawn by `data.subset_seed`. A set
   * with a validation split of its own holds nothing out.
   */
  readonly heldOutFraction?: number | undefined;
  /** Images of a training batch: a smaller training set is refused before an image is decoded. */
  readonly batchSize?: number;
  /** Splits whose images are about to be read, to be checked as `data.verify` says; none when left out. */
  readonly check?: readonly ImageSplit[];
  readonly watcher?: CheckWatcher;
  /** Read files whole, also where it is remembered what they hold. */
  readonly anew?: boolean;
  readonly environment?: NodeJS.ProcessEnv;
}

export interface OpenedDatasets {
  /** What is trained on: the long-tailed subset, less the held-out part. */
  readonly train: Dataset;
  /** Present when a fraction was asked to be held out: that, or the set's own validation split. */
  readonly val: Dataset | undefined;
  readonly test: Dataset;
  /** Images per class of `train`. */
  readonly counts: Int32Array;
  /** The whole training split that the subset was drawn from. */
  readonly trainFull: { readonly length: number; readonly counts: Int32Array; readonly fingerprint: string };
  /** sha256 of the long-tailed subset's indices into the whole training split, before anything is held out. */
  readonly subsetHash: string;
  /** sha256 of the held-out images' indices into the subset; undefined where `val` is the set's own. */
  readonly heldOutHash: string | undefined;
  /** Folder that was read. */
  readonly root: string;
  /** Remarks on the files, for the terminal and run.json. */
  readonly notes: readonly string[];
  /** Statistics for normalisation, per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Opens the splits that `config` names and draws the long-tailed subset. Throws `DataError` for missing or damaged
 * files and `ConfigError` for an imbalance factor that the set cannot give.
 */
export async function openDatasets(config: DatasetConfig, options: OpenOptions = {}): Promise<OpenedDatasets> {
  const { heldOutFraction } = options;
  const { train: full, test, root, notes, val: own, statistics } = await openSet(config, options);
  for (const [split, { length }] of [
    ['training', full],
    ['test', test],
  ] as const) {
    if (length === 0) throw emptySplit(split, root);
  }
  requireTwoClasses(full.classNames, root, false);
  const { indices, split } = drawTraining(full, config, own === undefined ? heldOutFraction : undefined);
  const longTailed = subset(full, indices);
  const train = split === undefined ? longTailed : subset(longTailed, split.kept);
  const counts = classCounts(train);
  refuseEmptyClass(counts, train.classNames, root);
  if (split?.heldOut.length === 0) throw nothingHeldOut(root);
  return {
    train,
    val: split === undefined ? own : subset(longTailed, split.heldOut),
    test,
    counts,
    trainFull: { length: full.length, counts: classCounts(full), fingerprint: full.fingerprint },
    subsetHash: indexHash(indices),
    heldOutHash: split && indexHash(split.heldOut),
    root,
    notes,
    ...normalisationOf(config, statistics),
  };
}

function emptySplit(split: string, root: string): DataError {
  return new DataError(`The ${split} split has no image.`, {
    where: root,
    next: 'Give the folder of a complete copy of the dataset with --data DIR or data.root.',
  });
}

/** Losses and re-balancing take the logarithm of each class's share of the training images. */
function refuseEmptyClass(counts: Int32Array, classNames: readonly string[], root: string): void {
  const empty = counts.indexOf(0);
  if (empty === -1) return;
  throw new DataError(`Class ${empty} (${classNames[empty]}) has no training image.`, {
    where: root,
    next: 'Every class needs at least one: complete the dataset, or leave the class out of it.',
  });
}

function nothingHeldOut(root: string): DataError {
  return new DataError('No class has two training images, so none can be held out as val.', {
    where: `eval.select_on: val, on ${root}`,
    next: 'Set eval.select_on to last or test.',
  });
}

interface Opened {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly val?: Dataset | undefined;
  readonly root: string;
  readonly notes: readonly string[];
  readonly statistics: Statistics;
}

async function openSet(config: DatasetConfig, options: OpenOptions): Promise<Opened> {
  const { environment = process.env } = options;
  const set = datasets[config.dataset];
  if (set.form === 'pixels') return openPixels(set, config, options);
  return openImageSet(config, imagesRoot(config, options), { ...options, environment });
}

/**
 * The folder of the image files of a set: `dataRoot`, GALA_DATA or `data.root`, in this order. Throws `DataError` when
 * none is given.
 */
export function imagesRoot(config: DatasetConfig, { dataRoot, environment = process.env }: OpenOptions): string {
  const root = rootOf(config, dataRoot ?? environment.GALA_DATA);
  if (root !== undefined) return root;
  throw new DataError(`The folder of the images of ${config.dataset} is not known.`, {
    where: 'neither --data, GALA_DATA nor data.root is given',
    next:
      'Name it with --data DIR, the environment variable GALA_DATA or data.root in the config; see ' +
      'docs/datasets.md.',
  });
}

/**
 * Looks for the folder of a dataset without opening its images. Throws `DataError` where the folder is not known or
 * where files of CIFAR are missing in it.
 */
export async function requireDataFolder(config: DatasetConfig, options: OpenOptions = {}): Promise<void> {
  const set = datasets[config.dataset];
  if (set.form !== 'pixels') imagesRoot(config, options);
  else await set.find?.(pixelsRoot(set, config, options).root);
}

/** The folder that was given outside of the config, else that of the config. */
function rootOf(config: DatasetConfig, given: string | undefined): string | undefined {
  const root = given || config.root;
  return root === undefined ? undefined : withHome(root);
}

async function openPixels(set: PixelSet, config: DatasetConfig, options: OpenOptions): Promise<Opened> {
  const { root, notes } = pixelsRoot(set, config, options);
  const opened = await set.open(root, options);
  return { ...opened, root, notes: [...notes, ...(opened.notes ?? [])], statistics: set.statistics };
}

/** GALA_DATA names the folder of downloaded sets, so it does not replace a set that comes with gala. */
function pixelsRoot(
  set: PixelSet,
  config: DatasetConfig,
  { dataRoot, environment = process.env }: OpenOptions,
): { root: string; notes: string[] } {
  const { bundled, name } = set;
  const ofEnvironment = environment.GALA_DATA;
  if (bundled === undefined) {
    const root = rootOf(config, dataRoot ?? ofEnvironment);
    if (root === undefined) throw unknownFolder(set);
    return { root, notes: [] };
  }
  const given = rootOf(config, dataRoot);
  const isIgnored = given === undefined && ofEnvironment;
  return {
    root: given ?? bundledFolder(bundled),
    notes: isIgnored ? [`GALA_DATA (${ofEnvironment}) is not used: ${name} comes with gala.`] : [],
  };
}

function unknownFolder({ name, archives }: PixelSet): DataError {
  const fetch =
    archives &&
    `Fetch it with \`gala data download ${name} --data DIR\`, or unpack one of the authors' archives ` +
      `(${archives.page}), and name`;
  return new DataError(`The folder of ${name} is not known.`, {
    where: 'neither --data, GALA_DATA nor data.root is given',
    next:
      `${fetch ?? 'Name'} the folder with --data DIR, the environment variable GALA_DATA or data.root in ` +
      'the config.',
  });
}
