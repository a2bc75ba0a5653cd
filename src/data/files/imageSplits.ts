/** Finds the image files of each split that a config describes: their list, their places, and which are missing. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError, DataError } from '../../errors.js';
import { withHome } from '../../io/homePath.js';
import { countLabels } from '../dataset.js';
import { openOfficialList } from '../lists/officialLists.js';
import type { DataConfig } from '../schema.js';
import type { ImageSplit, PublishedSet } from '../sets/definition.js';
import { isFolders, ownSet, publishedSet } from '../sets/index.js';
import { requireEveryClass } from '../trainingSet.js';
import { folderLists } from './folderLists.js';
import { type ImageFiles, imageFiles } from './imageFiles.js';
import { type ImageList, readImageList } from './imageList.js';
import { type LocatedFiles, locateFiles } from './locateFiles.js';
import { repeatedPaths } from './repeatedImages.js';
import { dividedTraining, type Lists, type ReadList, sharesOf } from './splitList.js';

export interface ImageSplitFiles {
  readonly files: ImageFiles;
  readonly located: LocatedFiles;
  /** The list of the split, or its folder. */
  readonly source: string;
}

export interface ImageSplits {
  readonly train: ImageSplitFiles;
  /** Present where the set has its own validation split. */
  readonly val: ImageSplitFiles | undefined;
  readonly test: ImageSplitFiles;
  readonly notes: readonly string[];
  /** The published set, whose folders the images have. */
  readonly set: PublishedSet | undefined;
}

export interface ImageSplitsOptions {
  readonly root: string;
  /** Whether the split `val` is wanted. */
  readonly val: boolean;
  readonly environment?: NodeJS.ProcessEnv;
}

/** The keys of `data` that describe image files. */
export type ImageSetConfig = Pick<DataConfig, 'dataset' | 'train_list' | 'val_list' | 'test_list' | 'split'> &
  Partial<Pick<DataConfig, 'subset_seed'>>;

/**
 * Reads the lists and looks for every file; opens no image. The result names missing files. Throws `DataError` for a
 * missing root, a missing or damaged list and a class without training images, `ConfigError` where the config lacks a
 * list.
 */
export function openImageSplits(config: ImageSetConfig, options: ImageSplitsOptions): ImageSplits {
  const notes: string[] = [];
  const set = publishedSet(config.dataset);
  const root = resolve(options.root);
  const folder = isFolders(config.dataset) ? folderLists(config, root, options.val, notes) : undefined;
  const lists = folder?.lists ?? readLists(config, set, root, options, notes);
  const all = [lists.train!, lists.test!, ...(lists.val ? [lists.val] : [])];
  if (areOwnLists(config)) for (const list of all) requireSmallLabels(list, lists.train!.list.labels.length);
  const classNames =
    folder?.classNames ??
    classNamesOf(
      all.map(({ list }) => list),
      set?.classes,
    );
  requireEveryClass(countLabels(lists.train!.list.labels, classNames.length), classNames, lists.train!.source);
  const open = ({ list, source }: ReadList): ImageSplitFiles => {
    const located = locateFiles(list, root, set?.candidatesOf);
    const { labels, fingerprint } = list;
    const files = imageFiles({ name: config.dataset, classNames, labels, fingerprint, table: located.table });
    return { files, located, source };
  };
  const train = open(lists.train!);
  const val = lists.val && open(lists.val);
  const test = open(lists.test!);
  const opened = { train, val, test };
  const repeats = repeatedPaths(splitsOf(opened).map(split => ({ split, files: opened[split]!.files })));
  return { ...opened, notes: [...notes, ...repeats], set };
}

/** In other sets the number of classes limits the labels. */
function areOwnLists({ dataset }: ImageSetConfig): boolean {
  return ownSet(dataset)?.imagesOf === 'lists';
}

/** The splits that a set has, in the order of reports; with `only`, that one. Throws `ConfigError` for none. */
export function splitsOf(opened: { readonly [split in ImageSplit]?: unknown }, only?: ImageSplit): ImageSplit[] {
  const splits = (['train', 'val', 'test'] as const).filter(split => opened[split] !== undefined);
  if (only === undefined) return splits;
  if (splits.includes(only)) return [only];
  throw new ConfigError(`The set has no split ${only} of its own.`, {
    where: '--split',
    next: `Leave --split out, or give one of its splits: ${splits.join(', ')}.`,
  });
}

/** The lists of the config; for a published set, its own lists where the config has none. */
function readLists(
  config: ImageSetConfig,
  set: PublishedSet | undefined,
  root: string,
  { val, environment }: ImageSplitsOptions,
  notes: string[],
): Lists {
  const read = (split: ImageSplit) => {
    const given = config[`${split}_list`];
    if (given !== undefined) {
      const path = findGiven(given, root);
      if (set !== undefined)
        notes.push(`${split} list: ${given}, not the published ${set.lists[split]?.file ?? 'one'}.`);
      return { list: readImageList(path, set?.classes), source: path };
    }
    if (set === undefined) throw noList(config.dataset, split);
    const { list, path, identical } = openOfficialList(set, split, { root, ...(environment && { environment }) });
    if (!identical) {
      notes.push(
        `${set.lists[split]!.file}: not the published file, but the published number of images in every class.`,
      );
    }
    return { list, source: path };
  };
  const hasVal = config.val_list !== undefined || set?.lists.val !== undefined;
  const own = { ...(val && hasVal && { val: read('val') }) };
  const shares = sharesOf(config);
  if (shares !== undefined) {
    const train = read('train');
    if (areOwnLists(config)) requireSmallLabels(train, train.list.labels.length);
    const parts = dividedTraining(config, train, shares, { wantsVal: val, notes });
    return { ...parts, ...own, ...(shares.test === 0 && { test: read('test') }) };
  }
  return { train: read('train'), test: read('test'), ...own };
}

/** Paths where a list of a config may be: below the root, then below the working folder. */
export function placesOfList(given: string, root: string): string[] {
  const path = withHome(given);
  return isAbsolute(path) ? [path] : [join(root, path), resolve(path)];
}

function findGiven(given: string, root: string): string {
  const candidates = placesOfList(given, root);
  const found = candidates.find(path => existsSync(path));
  if (found !== undefined) return found;
  throw new DataError('The image list is not there.', {
    where: `looked for ${candidates.join(' and ')}`,
    next: 'Give its path relative to data.root or to the working folder.',
  });
}

function noList(dataset: string, split: ImageSplit): ConfigError {
  return new ConfigError(`The ${split} list of ${dataset} is not given.`, {
    where: `data.${split}_list`,
    next: `Set data.${split}_list to a file with a line \`path label\` per image, relative to data.root.`,
  });
}

/**
 * Names each class after the first folder of its images, without the first part (`train/`). Where two classes would
 * have the same name, or one folder has images of several classes, all names are numbers.
 */
export function classNamesOf(lists: readonly ImageList[], most = Number.POSITIVE_INFINITY): string[] {
  const classes = Math.min(
    most,
    1 + lists.reduce((top, { labels }) => labels.reduce((a, b) => Math.max(a, b), top), -1),
  );
  const names = new Array<string | undefined>(classes).fill(undefined);
  let unclear = false;
  for (const { folders, folderOf, labels } of lists) {
    const labelOf = new Int32Array(folders.length).fill(-1);
    folderOf.forEach((folder, i) => {
      if (labelOf[folder] === labels[i]) return;
      if (labelOf[folder] !== -1) unclear = true;
      labelOf[folder] = labels[i]!;
    });
    // The first list that names a class decides. The test list of Places has dashes where its train list has folders.
    folders.forEach((folder, f) => {
      names[labelOf[f]!] ??= folder.slice(folder.indexOf('/') + 1);
    });
  }
  const distinct = new Set(names).size === classes && !names.includes('');
  return names.map((name, label) => (distinct && !unclear ? (name ?? `class ${label}`) : `class ${label}`));
}

/** Throws `DataError` for a label that is too large for the number of images, before gala allocates arrays by class. */
function requireSmallLabels({ list, source }: ReadList, trainImages: number): void {
  const largest = list.labels.reduce((a, b) => Math.max(a, b), -1);
  if (largest < trainImages) return;
  throw new DataError(
    `Label ${largest} is too large: the train list has ${trainImages} images, so that many classes at most.`,
    {
      where: `${source}:${list.largestLabelLine}`,
      next: 'Number the classes from 0 without gaps; each needs a training image.',
    },
  );
}
