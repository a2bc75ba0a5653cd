/** Surveys images for `gala init`: their classes, counts, splits, sizes and colour. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { nearest } from '../config/suggest.js';
import { countLabels } from '../data/dataset.js';
import { layoutOf } from '../data/files/folderLists.js';
import type { ImageFiles } from '../data/files/imageFiles.js';
import { foldersIn, isImageName } from '../data/files/imageFolder.js';
import { type ImageSetConfig, type ImageSplits, openImageSplits, splitsOf } from '../data/files/imageSplits.js';
import { type ImageHeader, readImageHeader } from '../data/images/decode.js';
import type { ImageSplit } from '../data/sets/definition.js';
import { requireTwoClasses } from '../data/trainingSet.js';
import type { CheckWatcher } from '../data/verify/checkSplit.js';
import { isFault, verdicts } from '../data/verify/verdict.js';
import { verifyImages } from '../data/verify/verifyImages.js';
import { ConfigError, DataError } from '../errors.js';
import { shellWord } from '../io/shellWord.js';

export interface Survey {
  /** The keys of `data` with which a config reads the images. */
  readonly data: ImageSetConfig & { readonly root: string };
  readonly classNames: readonly string[];
  /** Training images of each class, without the parts that `data.split` takes. */
  readonly counts: Int32Array;
  /** Images of each split. */
  readonly images: Readonly<Partial<Record<ImageSplit, number>>>;
  /** Sizes in pixels of the images with the smallest, the median and the largest shorter side. */
  readonly sizes: { readonly smallest: ImageHeader; readonly median: ImageHeader; readonly largest: ImageHeader };
  /** Share of the images without colour. */
  readonly gray: number;
  readonly notes: readonly string[];
}

/** Shares of each class for the splits that the images do not have. */
const shares = { val: 0.1, test: 0.2 };
/** Most images whose headers are read for the sizes. */
const mostHeaders = 500;
/** More images are not decoded here; training decodes them and shows its progress. */
const mostDecoded = 20_000;
const namedFiles = 5;

/**
 * Surveys DIR/CLASS/…, DIR/train/CLASS/… or a list, and decodes the images once. Rejects with `DataError` or
 * `ConfigError` where training is not possible: no images, one class, a folder of runs, unreadable files.
 */
export async function surveyImages(path: string, watcher: CheckWatcher): Promise<Survey> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw new DataError('There is no such folder or list.', { where: resolve(path), next: howToGiveImages(path) });
  const data = found.isDirectory() ? folderKeys(resolve(path)) : listKeys(resolve(path));
  const opened = openImageSplits(data, { root: data.root, val: true });
  const { classNames, labels } = opened.train.files;
  requireTwoClasses(classNames, opened.train.source, data.dataset === 'image_folder');
  const splits = splitsOf(opened);
  await requireReadable(opened, splits, watcher);
  const headers = await headersOf(opened.train.files);
  return {
    data,
    classNames,
    counts: countLabels(labels, classNames.length),
    images: Object.fromEntries(splits.map(split => [split, opened[split]!.files.length])),
    sizes: sizesOf(headers),
    gray: headers.filter(({ gray }) => gray).length / headers.length,
    notes: [...opened.notes, ...untested(classNames, opened.test.files.labels)],
  };
}

function howToGiveImages(path: string): string {
  const near = existsSync(dirname(path)) ? nearest(basename(path), readdirSync(dirname(path))) : [];
  if (near.length > 0) return `gala init ${shellWord(join(dirname(path), near[0]!))}`;
  return 'Give the folder of your images, with a folder for each class; docs/own-images.md makes an example to try.';
}

function folderKeys(root: string): Survey['data'] {
  refuseRuns(root);
  requireClassFolders(root);
  const { flat, train, val, test } = layoutOf(root);
  const [only, second] = flat ? foldersIn(root) : [];
  if (only !== undefined && second === undefined && foldersIn(join(root, only)).length > 1) {
    throw new DataError(`The folder has one sub-folder, ${only}, which has the folders of the classes.`, {
      where: root,
      next: `gala init ${shellWord(join(root, only))}`,
    });
  }
  if (flat) refuseWithoutImages(root);
  if (flat) requireTwoClasses(foldersIn(root), root, true);
  const isAlone = flat || (train && !val && !test);
  const split = isAlone ? shares : train && val && test ? undefined : { val: shares.val, test: 0 };
  return { dataset: 'image_folder', root, ...(split && { split }) };
}

/** Throws `DataError` for folders beside the classes, such as runs/: each would be a class. */
function refuseWithoutImages(root: string): void {
  const folders = foldersIn(root);
  const empty = folders.filter(
    name => !readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).some(isImageName),
  );
  if (empty.length === 0 || empty.length === folders.length) return;
  throw new DataError(
    `Each folder would be a class, also ${empty.slice(0, namedFiles).join(', ')}, in which there are no images.`,
    {
      where: root,
      next:
        'Move the folders of the classes into a folder of their own, such as images/, and give this folder: ' +
        'gala init images',
    },
  );
}

/** Throws `DataError` for a folder without sub-folders: the folder of one class, or an empty one. */
function requireClassFolders(root: string): void {
  if (foldersIn(root).length > 0) return;
  const images = readdirSync(root).filter(isImageName).length;
  const above = dirname(root);
  throw new DataError(
    images === 0 ? 'The folder has no images.' : `The folder has ${images} images and no folders of classes.`,
    {
      where: root,
      next:
        foldersIn(above).length > 1 && images > 0
          ? `If it is the folder of one class, give the folder above: gala init ${shellWord(above)}`
          : 'Put the images of each class into a folder of its own, DIR/CLASS/…, and give DIR.',
    },
  );
}

/** A list, and the lists of the other splits in the same folder: `my_test.txt` for `my_train.txt`. */
function listKeys(list: string): Survey['data'] {
  const root = dirname(list);
  if (isImageName(list)) {
    throw new DataError('This is an image; a folder or a list of images is needed.', {
      where: list,
      next: `If it lies in the folder of its class: gala init ${shellWord(dirname(root))}`,
    });
  }
  const name = basename(list);
  const beside = (split: string) => {
    const other = name.replace(/train/i, split);
    return other !== name && existsSync(join(root, other)) ? other : undefined;
  };
  const [val_list, test_list] = [beside('val'), beside('test')];
  const split = { val: val_list ? 0 : shares.val, test: test_list ? 0 : shares.test };
  return {
    dataset: 'image_list',
    root,
    train_list: name,
    ...(val_list && { val_list }),
    ...(test_list && { test_list }),
    ...((split.val > 0 || split.test > 0) && { split }),
  };
}

/** Throws `ConfigError` for a folder of runs: runs/NAME/TIME-SEED, where NAME is one folder or two. */
function refuseRuns(root: string): void {
  let folders = [root];
  for (let depth = 0; depth < 4 && folders.length > 0; depth++) {
    const run = folders.find(folder => existsSync(join(folder, 'run.json')));
    if (run !== undefined) {
      throw new ConfigError('This is a folder of runs, not of images.', {
        where: run,
        next: 'Give the folder of your images: gala init DIR.',
      });
    }
    // A few folders of each level are enough; folders of images can be large.
    folders = folders
      .flatMap(folder =>
        foldersIn(folder)
          .slice(0, 3)
          .map(name => join(folder, name)),
      )
      .slice(0, 9);
  }
}

async function requireReadable(
  opened: ImageSplits,
  splits: readonly ImageSplit[],
  watcher: CheckWatcher,
): Promise<void> {
  const { files, located, source } = opened.train;
  if (files.length > 0 && located.missing.length === files.length) {
    throw new DataError(`None of the ${files.length} images is there.`, {
      where: `${source}: ${files.path(0)}, …`,
      next:
        'The paths of a list are relative to the folder of the list: move the list to the folder of the images, ' +
        'or write absolute paths.',
    });
  }
  const bad: string[] = [];
  const total = splits.reduce((sum, split) => sum + opened[split]!.files.length, 0);
  for (const split of splits) {
    const { files, located } = opened[split]!;
    for (const i of located.missing) bad.push(`${files.path(i)} (missing)`);
    if (total > mostDecoded) continue;
    const { verdicts: codes } = await verifyImages(files, {
      missing: located.missing,
      onProgress: checked => watcher.onCheck({ split, checked, total: files.length }),
    }).finally(() => watcher.onChecked());
    const isMissing = new Set(located.missing);
    codes.forEach((code, i) => {
      if (isFault(code) && !isMissing.has(i)) bad.push(`${files.path(i)} (${verdicts[code]})`);
    });
  }
  if (bad.length === 0) return;
  const others = bad.length > namedFiles ? `, and ${bad.length - namedFiles} more` : '';
  throw new DataError(`${bad.length} of the ${total} images cannot be used.`, {
    where: `${bad.slice(0, namedFiles).join(', ')}${others}`,
    next: 'Replace or delete these files (of a list, their lines too), then give the same command again.',
  });
}

/** A note on classes without a test image, whose accuracy stays unknown. */
function untested(classNames: readonly string[], testLabels: Int32Array): string[] {
  const tested = new Set(testLabels);
  const names = classNames.filter((_, label) => !tested.has(label));
  if (names.length === 0) return [];
  const shown = names.slice(0, namedFiles).join(', ') + (names.length > namedFiles ? ', …' : '');
  return [
    `without a test image, so never tested: ${names.length === 1 ? shown : `${names.length} classes (${shown})`}`,
  ];
}

async function headersOf(files: ImageFiles): Promise<ImageHeader[]> {
  const step = Math.max(1, files.length / mostHeaders);
  const headers: ImageHeader[] = [];
  for (let at = 0; at < files.length; at += step) {
    const header = await readImageHeader(files.path(Math.floor(at)));
    if (header !== undefined) headers.push(header);
  }
  return headers;
}

function sizesOf(headers: readonly ImageHeader[]): Survey['sizes'] {
  const shorter = ({ width, height }: ImageHeader) => Math.min(width, height);
  const sorted = [...headers].sort((a, b) => shorter(a) - shorter(b));
  return { smallest: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, largest: sorted.at(-1)! };
}
