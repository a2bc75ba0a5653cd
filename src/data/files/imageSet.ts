/** Opens a set of image files, or a packed set that `gala data pack` made of one, as datasets. */
import { resolve } from 'node:path';
import type { Dataset } from '../dataset.js';
import { drawTraining } from '../longTail.js';
import { isPackedSet, openPackedSet } from '../pack/packedSet.js';
import { type DataConfig, inputSizeOf } from '../schema.js';
import type { ImageSplit, Statistics } from '../sets/definition.js';
import { datasets, isFolders } from '../sets/index.js';
import { requireTwoClasses, requireWholeBatch } from '../trainingSet.js';
import { type CheckWatcher, checkSplit } from '../verify/checkSplit.js';
import { type ImageSetConfig, type ImageSplitFiles, openImageSplits } from './imageSplits.js';
import { type HashedImages, repeatedContents } from './repeatedImages.js';
import { fileDataset } from './storedDataset.js';

type OpenableConfig = ImageSetConfig &
  Pick<DataConfig, 'image_size' | 'short_side' | 'verify' | 'on_bad_image' | 'imbalance_factor' | 'subset_seed'>;

/** The whole splits of a dataset. */
export interface OpenedSet {
  readonly train: Dataset;
  /** The set's own validation split, where it has one that is wanted. */
  readonly val: Dataset | undefined;
  readonly test: Dataset;
  readonly root: string;
  readonly notes: readonly string[];
  readonly statistics: Statistics;
}

export interface ImageSetOptions {
  /**
   * Fraction of the training images of each class that becomes the split `val`, drawn by `data.subset_seed`. A set with
   * its own validation split uses that instead.
   */
  readonly heldOutFraction?: number | undefined;
  /** Images of a training batch. A smaller training set is an error, before any image is decoded. */
  readonly batchSize?: number;
  /** The splits that will be read: `data.verify` decides how their images are checked. By default none. */
  readonly check?: readonly ImageSplit[];
  readonly watcher?: CheckWatcher;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Opens the splits of an image set and checks those of `check`. Rejects with `DataError` for missing or bad images and
 * lists, with `ConfigError` for a config that does not fit them.
 */
export async function openImageSet(config: OpenableConfig, root: string, options: ImageSetOptions): Promise<OpenedSet> {
  const size = inputSizeOf(config);
  const wantsVal = options.heldOutFraction !== undefined;
  const { statistics } = datasets[config.dataset];
  if (isPackedSet(root)) return { ...openPackedSet(config, root, size, wantsVal), root, statistics };
  const { environment = process.env } = options;
  const opened = openImageSplits(config, { root, val: wantsVal, environment });
  requireTwoClasses(opened.train.files.classNames, opened.train.source, isFolders(config.dataset));
  if (options.batchSize !== undefined) {
    const { classNames, labels } = opened.train.files;
    const images = { classNames, length: labels.length, label: (i: number) => labels[i]! };
    const heldOutFraction = opened.val === undefined ? options.heldOutFraction : undefined;
    const { indices, split } = drawTraining(images, config, heldOutFraction);
    requireWholeBatch((split?.kept ?? indices).length, options.batchSize);
  }
  const notes = [...opened.notes];
  const hashed: HashedImages[] = [];
  // Without its own split, `val` is a part of the training images.
  const wanted = new Set(options.check);
  if (wanted.has('val') && opened.val === undefined) wanted.add('train');
  const datasetOf = async (split: ImageSplit, files: ImageSplitFiles): Promise<Dataset> => {
    // Evaluation must leave out the same training images as training, because their class counts are the prior.
    const skips = split === 'train' && config.on_bad_image === 'skip';
    if (!wanted.has(split) && !skips) return fileDataset(files.files, size);
    const { verify = 'deep' } = config;
    const checked = await checkSplit(split, files, {
      root: resolve(root),
      set: opened.set,
      skips,
      deep: verify === 'deep' || skips,
      ...options,
    });
    notes.push(...checked.notes);
    if (checked.digests) hashed.push({ split, files: checked.files, digests: checked.digests });
    return fileDataset(checked.files, size);
  };
  const train = await datasetOf('train', opened.train);
  const val = opened.val && (await datasetOf('val', opened.val));
  const test = await datasetOf('test', opened.test);
  return { train, val, test, root, notes: [...notes, ...repeatedContents(hashed)], statistics };
}
