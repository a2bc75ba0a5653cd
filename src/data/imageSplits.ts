/**
 * From the `data` part of a config to the files of the splits of an image set: which list, where the images lie, what
 * is missing.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { dividedTraining, type Lists, sharesOf } from './dividedTraining.js';
import { type ImageFiles, imageFiles } from './files/imageFiles.js';
import { type ImageList, readImageList } from './files/imageList.js';
import { type LocatedFiles, locateFiles } from './files/locateFiles.js';
import { repeatedPaths } from './files/repeatedImages.js';
import { folderLists } from './folderLists.js';
import { openOfficialList } from './lists/officialLists.js';
import type { DataConfig } from './schema.js';
import type { ImageSplit, PublishedSet } from './sets/definition.js';
import { isFolders, ownSet, publishedSet } from './sets/index.js';

export interface ImageSplitFiles {
  readonly files: ImageFiles;
  readonly located: LocatedFiles;
  /** The list the split was read from, or its folder. */
  readonly source: string;
}

export interface ImageSplits {
  readonly train: ImageSplitFiles;
  /** Present where the set has one of its own. */
  readonly val: ImageSplitFiles | undefined;
  readonly test: ImageSplitFiles;
  readonly notes: readonly string[];
  /** The official set whose layout the images have. */
  readonly set: PublishedSet | undefined;
}

export interface ImageSplitsOptions {
  readonly root: string;
  /** Whether the split `val` is wanted. */
  readonly val: boolean;
  readonly environment?: NodeJS.ProcessEnv;
}

/** What a config says of an image set. */
export type ImageSetConfig = Pick<DataConfig, 'dataset' | 'train_list' | 'val_list' | 'test_list' | 'split'> &
  Partial<Pick<DataConfig, 'subset_seed'>>;

/**
 * Reads the lists and looks every file up in its folder; opens no image. Missing files are told, not thrown. Throws
 * `DataError` for a missing root, a missing or damaged list and a class without training images, `ConfigError` for
 * lists that are needed and not given.
 */
export function openImageSplits(config: ImageSetConfig, options: ImageSplitsOptions): ImageSplits {
  const notes: string[] = [];
  const set = publishedSet(config.dataset);
  const root = resolve(options.root);
  const folder = isFolders(config.dataset) ? folderLists(config, root, options.val, notes) : undefined;
  const lists = folder?.lists ?? readLists(config, set, root, options, notes);
  const all = [lists.train!, lists.test!, ...(lists.val ? [lists.val] : [])];
  // Elsewhere the set or the folders bound them.
  if (ownSet(config.dataset)?.imagesOf === 'lists')
    for (const list of all) requireSmallLabels(list, lists.train!.list.labels.length);
  const classNames =
    folder?.classNames ??
    classNamesOf(
      all.map(({ list }) => list),
      set?.classes,
    );
  requireEveryClass(classNames, lists.train!.list, lists.train!.source);
  const open = ({ list, source }: { list: ImageList; source: string }): ImageSplitFiles => {
    const located = locateFiles(list, root, set?.candidatesOf);
    const { labels, fingerprint } = list;
    const files = imageFiles({ name: config.dataset, classNames, labels, fingerprint, table: located.table });
    return { files, located, source };
  };
  const train = open(lists.train!);
  const val = lists.val && open(lists.val);
  const test = open(lists.test!);
  const opened = { train, ...(val && { val }), test };
  const repeats = repeatedPaths(splitsOf(opened).map(split => ({ split, files: opened[split]!.files })));
  return { train, val, test, notes: [...notes, ...repeats], set };
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

/** The lists given in the config; of an official set, its own where none is given. */
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
    const parts = dividedTraining(config, read('train'), shares, { wantsVal: val, notes });
    return { ...parts, ...own, ...(shares.test === 0 && { test: read('test') }) };
  }
  return { train: read('train'), test: read('test'), ...own };
}

/** Where a list that a config names may be: below the root, then from the working folder. */
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
 * A class is called by the folder that its images lie in, less the first part (`train/`); where that does not tell
 * classes apart, by its number.
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
    // The first list to name a class decides: Places' test list joins with a dash what its train list has as folders.
    folders.forEach((folder, f) => {
      names[labelOf[f]!] ??= folder.slice(folder.indexOf('/') + 1);
    });
  }
  const distinct = new Set(names).size === classes && !names.includes('');
  return names.map((name, label) => (distinct && !unclear ? (name ?? `class ${label}`) : `class ${label}`));
}

/**
 * Refuses a label that no list of so few training images can have, before there are arrays of one entry for each class.
 */
function requireSmallLabels({ list, source }: { list: ImageList; source: string }, trainImages: number): void {
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

function requireEveryClass(classNames: readonly string[], { labels }: ImageList, where: string): void {
  const seen = new Uint8Array(classNames.length);
  for (const label of labels) seen[label] = 1;
  const empty = Array.from(seen.keys()).filter(label => seen[label] === 0);
  if (empty.length === 0) return;
  const others =
    empty.length === 1 ? '' : empty.length === 2 ? ', nor has 1 other' : `, nor have ${empty.length - 1} others`;
  throw new DataError(`Class ${empty[0]} (${classNames[empty[0]!]}) has no training image${others}.`, {
    where,
    next:
      'Every class from 0 to the largest label needs one. Add images, or leave the class out: move its folder ' +
      'elsewhere, or number the classes of the lists anew.',
  });
}
