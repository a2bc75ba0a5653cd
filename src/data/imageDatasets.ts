/** The sets of image files, or what `gala data pack` made of them, as datasets. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../errors.js';
import type { Dataset } from './dataset.js';
import { sharesOf } from './dividedTraining.js';
import { type HashedImages, repeatedContents } from './files/repeatedImages.js';
import { fileDataset, type InputSize } from './files/storedDataset.js';
import { type ImageSetConfig, type ImageSplitFiles, openImageSplits } from './imageSplits.js';
import { inputSizeOf } from './inputSize.js';
import { drawTraining } from './longTail.js';
import { requireTwoClasses } from './oneClass.js';
import { isPackedSet, openPackedSplit } from './pack/packedDataset.js';
import { comparePackedLists } from './pack/packedLists.js';
import { headerPath } from './pack/packFormat.js';
import type { DataConfig } from './schema.js';
import type { ImageSplit, Statistics } from './sets/definition.js';
import { datasets, isFolders } from './sets/index.js';
import { type CheckWatcher, checkSplit } from './verify/checkSplit.js';
import { requireWholeBatch } from './wholeBatch.js';

type OpenableConfig = ImageSetConfig &
  Pick<DataConfig, 'image_size' | 'short_side' | 'verify' | 'on_bad_image' | 'imbalance_factor' | 'subset_seed'>;

export interface OpenedImageSet {
  readonly train: Dataset;
  readonly val: Dataset | undefined;
  readonly test: Dataset;
  readonly root: string;
  readonly notes: readonly string[];
  readonly statistics: Statistics;
}

export interface ImageSetOptions {
  readonly heldOutFraction?: number | undefined;
  readonly batchSize?: number;
  readonly check?: readonly ImageSplit[];
  readonly watcher?: CheckWatcher;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Opens the splits of an image set, checked as far as `check` asks. Throws `DataError` for missing or bad images and
 * lists, `ConfigError` for a config that does not fit them.
 */
export async function openImageSet(
  config: OpenableConfig,
  root: string,
  options: ImageSetOptions,
): Promise<OpenedImageSet> {
  const size = inputSizeOf(config);
  const wantsVal = options.heldOutFraction !== undefined;
  const { statistics } = datasets[config.dataset];
  if (isPackedSet(root)) return { ...openPacked(config, root, size, wantsVal), root, statistics };
  const opened = openImageSplits(config, { root, val: wantsVal, environment: options.environment });
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
  // Without a split of its own, `val` is a part of the training images.
  const wanted = new Set(options.check);
  if (wanted.has('val') && opened.val === undefined) wanted.add('train');
  const datasetOf = async (split: ImageSplit, files: ImageSplitFiles): Promise<Dataset> => {
    // What training leaves out is left out wherever its images are counted.
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
  return {
    train,
    val,
    test,
    root,
    notes: [...notes, ...repeatedContents(hashed)],
    statistics,
  };
}

function openPacked(config: OpenableConfig, root: string, size: InputSize, wantsVal: boolean) {
  const open = (split: ImageSplit) => {
    const dataset = openPackedSplit(root, split, size);
    if (dataset.name === config.dataset) return dataset;
    throw new DataError(`The packed set is ${dataset.name}, the config wants ${config.dataset}.`, {
      where: root,
      next: 'Name the folder of the right set with --data, or use the config of this one.',
    });
  };
  // A validation list that the config names is wanted; without one, `val` is what was packed.
  const own = wantsVal && (config.val_list !== undefined || existsSync(headerPath(join(root, 'val'))));
  const opened = { train: open('train'), val: own ? open('val') : undefined, test: open('test') };
  const splits = ['train', 'test', ...(own ? ['val' as const] : [])] as const;
  return {
    ...opened,
    notes: [
      `Packed images are read from ${root}.`,
      ...(sharesOf(config) ? ['The parts of data.split are those that were packed.'] : []),
      ...comparePackedLists(config, root, splits),
    ],
  };
}
