/** Opens the datasets of a run that the section `data` of a config describes. */
import { ConfigError, DataError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { bundledFolder } from './bundled.js';
import { classCounts, type Dataset, indexHash, subset } from './dataset.js';
import { type ImageSetOptions, type OpenedSet, openImageSet } from './files/imageSet.js';
import { requireFolder } from './files/locateFiles.js';
import { drawTraining } from './longTail.js';
import type { DataConfig } from './schema.js';
import type { DatasetDefinition, PixelSet, Statistics } from './sets/definition.js';
import { datasets } from './sets/index.js';
import { requireEveryClass, requireTwoClasses } from './trainingSet.js';

/** The section `data` without the sampler, which evaluation does not need. */
export type DatasetConfig = Omit<DataConfig, 'sampler'>;

export interface OpenOptions extends ImageSetOptions {
  /** The option `--data`, which has priority over GALA_DATA and `data.root`. */
  readonly dataRoot?: string | undefined;
  /** Whether to read files whole again, although the cache has what they contain. */
  readonly anew?: boolean;
}

export interface OpenedDatasets {
  /** The long-tailed subset without the held-out images. */
  readonly train: Dataset;
  /** Present with `heldOutFraction`: the held-out images, or the set's own validation split. */
  readonly val: Dataset | undefined;
  readonly test: Dataset;
  /** Images per class of `train`. */
  readonly counts: Int32Array;
  /** The whole training split, from which the subset was drawn. */
  readonly trainFull: { readonly length: number; readonly counts: Int32Array; readonly fingerprint: string };
  /** sha256 of the indices of the long-tailed subset in the whole training split, before images are held out. */
  readonly subsetHash: string;
  /** sha256 of the indices of the held-out images in the subset; undefined where `val` is the set's own. */
  readonly heldOutHash: string | undefined;
  /** The folder of the files. */
  readonly root: string;
  /** Remarks on the files, for the terminal and run.json. */
  readonly notes: readonly string[];
  /** Statistics that normalise pixels in [0, 1], for each channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Opens the splits of a config and draws the long-tailed subset. Rejects with `DataError` for missing or damaged files
 * and with `ConfigError` for an imbalance factor that is too large for the set.
 */
export async function openDatasets(config: DatasetConfig, options: OpenOptions = {}): Promise<OpenedDatasets> {
  const { heldOutFraction } = options;
  const { train: full, test, root, notes, val: own, statistics } = await openSet(config, options);
  if (full.length === 0) throw emptySplit('training', root);
  if (test.length === 0) throw emptySplit('test', root);
  requireTwoClasses(full.classNames, root, false);
  const { indices, split } = drawTraining(full, config, own === undefined ? heldOutFraction : undefined);
  const longTailed = subset(full, indices);
  const train = split === undefined ? longTailed : subset(longTailed, split.kept);
  const counts = classCounts(train);
  requireEveryClass(counts, train.classNames, root);
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

function nothingHeldOut(root: string): DataError {
  return new DataError('No class has two training images, so none can be held out as val.', {
    where: `eval.select_on: val, on ${root}`,
    next: 'Set eval.select_on to last or test.',
  });
}

/**
 * The statistics that normalise pixels: those of the config, or else those of the dataset. Throws `ConfigError` where
 * the config has another number of channels.
 */
function normalisationOf(
  { dataset, normalisation }: Pick<DataConfig, 'dataset' | 'normalisation'>,
  ofDataset: Statistics,
): Statistics {
  for (const key of ['mean', 'std'] as const) {
    const given = normalisation?.[key]?.length;
    const channels = ofDataset[key].length;
    if (given === undefined || given === channels) continue;
    throw new ConfigError(
      `data.normalisation.${key} has ${given} numbers, but the images have ${channels} ` +
        `channel${channels === 1 ? '' : 's'}.`,
      {
        where: `data.normalisation.${key}, with data.dataset ${dataset}`,
        next: `Give one number for each channel, such as ${key}: [${ofDataset[key].join(', ')}].`,
      },
    );
  }
  const { mean = ofDataset.mean, std = ofDataset.std } = normalisation ?? {};
  return { mean, std };
}

async function openSet(config: DatasetConfig, options: OpenOptions): Promise<OpenedSet> {
  const set = datasets[config.dataset];
  if (set.form !== 'pixels') return await openImageSet(config, dataFolder(config, options), options);
  const { root, notes } = pixelsFolder(set, config, options);
  const { train, test, notes: remarks = [] } = await set.open(root, options);
  return { train, val: undefined, test, root, notes: [...notes, ...remarks], statistics: set.statistics };
}

/**
 * Looks for the folder of a dataset without reading images. Rejects with `DataError` where the folder is not known or
 * has no files of CIFAR.
 */
export async function requireDataFolder(config: DatasetConfig, options: OpenOptions = {}): Promise<void> {
  const set = datasets[config.dataset];
  if (set.form !== 'pixels') dataFolder(config, options);
  else await set.find?.(pixelsFolder(set, config, options).root);
}

/**
 * The folder of a dataset: `dataRoot`, GALA_DATA or `data.root`, in this order. Throws `DataError` without one that
 * exists.
 */
export function dataFolder(config: DatasetConfig, { dataRoot, environment = process.env }: OpenOptions): string {
  const root = rootOf(config, dataRoot ?? environment.GALA_DATA);
  const set = datasets[config.dataset];
  if (root === undefined) throw unknownFolder(set);
  requireFolder(root, set.form === 'pixels' && set.archives ? set.name : undefined);
  return root;
}

/** The folder of a set of pixels. GALA_DATA is the folder of downloaded sets, so a bundled set ignores it. */
function pixelsFolder(
  { bundled, name }: PixelSet,
  config: DatasetConfig,
  options: OpenOptions,
): { root: string; notes: string[] } {
  if (bundled === undefined) return { root: dataFolder(config, options), notes: [] };
  const { dataRoot, environment = process.env } = options;
  const given = rootOf(config, dataRoot);
  const isIgnored = given === undefined && environment.GALA_DATA;
  return {
    root: given ?? bundledFolder(bundled),
    notes: isIgnored ? [`GALA_DATA (${environment.GALA_DATA}) is not used: ${name} comes with gala.`] : [],
  };
}

/** The given folder, or else `data.root`. */
function rootOf(config: DatasetConfig, given: string | undefined): string | undefined {
  const root = given || config.root;
  return root === undefined ? undefined : withHome(root);
}

function unknownFolder(set: DatasetDefinition): DataError {
  const fetch =
    set.form === 'pixels' && set.archives
      ? `Fetch it with \`gala data download ${set.name} --data DIR\`, or unpack one of the authors' archives ` +
        `(${set.archives.page}), and name`
      : 'Name';
  return new DataError(`The folder of ${set.name} is not known.`, {
    where: 'neither --data, GALA_DATA nor data.root is given',
    next:
      `${fetch} the folder with --data DIR, the environment variable GALA_DATA or data.root in the config; see ` +
      'docs/datasets.md.',
  });
}
