/** From the `data` part of a config to the datasets of a run. */
import { isImageDataset, isOfficial } from '../config/imageSets.js';
import type { Config } from '../config/schema.js';
import { DataError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { openCifar } from './cifar/cifar.js';
import { type CifarName, findCifar } from './cifar/layouts.js';
import type { Dataset } from './dataset.js';
import { classCounts } from './dataset.js';
import { bundledFashionMnistLt, openIdxSet } from './fashionMnist.js';
import { openImageSet } from './imageDatasets.js';
import { type ImageSplit, imagenetStatistics, imageSets, type Statistics } from './imageSets.js';
import { drawTraining, indexHash, subset } from './longTail.js';
import { normalisationOf } from './normalisation.js';
import { requireTwoClasses } from './oneClass.js';
import type { CheckWatcher } from './verify/checkSplit.js';

/** What a config says of the images, without the order they are visited in. */
export type DatasetConfig = Omit<Config['data'], 'sampler'>;

export interface OpenOptions {
  /** The `--data` option: goes before GALA_DATA and `data.root`. */
  readonly dataRoot?: string | undefined;
  /**
   * Fraction of the training images of each class to keep apart as the split `val`, drawn by `data.subset_seed`. A set with
   * a validation split of its own holds nothing out.
   */
  readonly heldOutFraction?: number | undefined;
  /** Images of a training batch: a smaller training set is refused before an image is decoded. */
  readonly batchSize?: number;
  /** Splits whose images are about to be read, to be checked as `data.verify` says; none when left out. */
  readonly check?: readonly ImageSplit[];
  readonly watcher?: CheckWatcher;
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

const cifarStatistics: Statistics = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
const fashionMnistStatistics: Statistics = { mean: [0.286], std: [0.353] };

/** The statistics that images of a dataset are normalised by. */
export function statisticsOf(dataset: Config['data']['dataset']): Statistics {
  if (isOfficial(dataset)) return imageSets[dataset].statistics;
  if (isImageDataset(dataset)) return imagenetStatistics;
  return dataset === 'fashion_mnist_lt' ? fashionMnistStatistics : cifarStatistics;
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
  const { environment = process.env, dataRoot } = options;
  const { dataset } = config;
  if (dataset === 'fashion_mnist_lt') return openFashionMnist(rootOf(config, dataRoot), environment);
  if (!isImageDataset(dataset)) return openCifarAt(dataset, rootOf(config, dataRoot ?? environment.GALA_DATA));
  return openImageSet(config, imagesRoot(config, options), { ...options, environment });
}

/** The folder of the image files of a set: `dataRoot`, GALA_DATA or `data.root`, in this order. Throws `DataError` when none is given. */
export function imagesRoot(config: DatasetConfig, { dataRoot, environment = process.env }: OpenOptions): string {
  const root = rootOf(config, dataRoot ?? environment.GALA_DATA);
  if (root !== undefined) return root;
  throw new DataError(`The folder of the images of ${config.dataset} is not known.`, {
    where: 'neither --data, GALA_DATA nor data.root is given',
    next: 'Name it with --data DIR, the environment variable GALA_DATA or data.root in the config; see docs/datasets.md.',
  });
}

/**
 * Looks for the folder of a dataset without opening its images. Throws `DataError` where the folder is not known or where files of
 * CIFAR are missing in it.
 */
export function requireDataFolder(config: DatasetConfig, options: OpenOptions = {}): void {
  const { environment = process.env, dataRoot } = options;
  const { dataset } = config;
  if (dataset === 'fashion_mnist_lt') return;
  if (isImageDataset(dataset)) imagesRoot(config, options);
  else findCifar(dataset, requireCifarRoot(dataset, rootOf(config, dataRoot ?? environment.GALA_DATA)));
}

/** The folder that was given outside of the config, else that of the config. */
function rootOf(config: DatasetConfig, given: string | undefined): string | undefined {
  const root = given || config.root;
  return root === undefined ? undefined : withHome(root);
}

function openCifarAt(name: CifarName, given: string | undefined): Opened {
  const root = requireCifarRoot(name, given);
  return { ...openCifar(name, root), root, statistics: cifarStatistics };
}

function requireCifarRoot(name: CifarName, root: string | undefined): string {
  if (root !== undefined) return root;
  throw new DataError(`The folder of ${name} is not known.`, {
    where: 'neither --data, GALA_DATA nor data.root is given',
    next:
      `Fetch it with \`gala data download ${name} --data DIR\`, or unpack one of the authors' archives ` +
      '(www.cs.toronto.edu/~kriz/cifar.html), and name the folder with --data DIR, ' +
      'the environment variable GALA_DATA or data.root in the config.',
  });
}

/** GALA_DATA names the folder of downloaded sets, so it does not replace the set that comes with gala. */
function openFashionMnist(given: string | undefined, environment: NodeJS.ProcessEnv): Opened {
  const root = given ?? bundledFashionMnistLt();
  const ignored = given === undefined && environment.GALA_DATA ? environment.GALA_DATA : undefined;
  const notes = ignored === undefined ? [] : [`GALA_DATA (${ignored}) is not used: fashion_mnist_lt comes with gala.`];
  return { ...openIdxSet(root), root, notes, statistics: fashionMnistStatistics };
}
