/**
 * Lists the images of a folder: DIR/train/CLASS/… and DIR/test/CLASS/…, or only DIR/CLASS/…, which `data.split`
 * divides.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '../../errors.js';
import type { DataConfig } from '../schema.js';
import { classFolders, foldersIn, listImageFolder } from './imageFolder.js';
import { packedArchiveAdvice } from './packedArchives.js';
import { dividedTraining, type Lists, type ReadList, sharesOf } from './splitList.js';

const splitNames: ReadonlySet<string> = new Set(['train', 'val', 'test']);
const looksLikeSplit = /^(train|val|test|dev|eval)/i;

type FolderKeys = Pick<DataConfig, 'split'> & Partial<Pick<DataConfig, 'subset_seed'>>;

/** Which splits have a folder in `root`; `flat` where the class folders are in `root` itself. */
export function layoutOf(root: string): { train: boolean; val: boolean; test: boolean; flat: boolean } {
  const has = (split: string) => existsSync(join(root, split));
  const [train, val, test] = [has('train'), has('val'), has('test')];
  // A class can have the name train.
  const holdsClasses = train && foldersIn(join(root, 'train')).length > 0;
  const flat = !holdsClasses && !(val || test) && existsSync(root) && foldersIn(root).length > 0;
  return { train, val, test, flat };
}

/**
 * The lists of the splits and the names of the classes. Without test/, val/ has the test images. Throws `DataError` for
 * a folder that is missing or not divided, `ConfigError` for a share of `data.split` whose split has a folder.
 */
export function folderLists(
  config: FolderKeys,
  root: string,
  wantsVal: boolean,
  notes: string[],
): { lists: Lists; classNames: string[] } {
  const layout = layoutOf(root);
  const shares = sharesOf(config);
  if (layout.flat) {
    if (shares === undefined || shares.test === 0) throw notDivided(root);
    const { read, classNames } = readerOf(root, '', notes);
    return { lists: dividedTraining(config, read(''), shares, { wantsVal, notes }), classNames };
  }
  const test = layout.test ? 'test' : layout.val ? 'val' : undefined;
  const misnamed = existsSync(root)
    ? foldersIn(root).filter(name => looksLikeSplit.test(name) && !splitNames.has(name))
    : [];
  if (misnamed.length > 0)
    notes.push(`${misnamed.join(', ')}: not read; the folders of the splits are train/, val/ and test/.`);
  if (!layout.train || (test === undefined && !shares?.test)) throw missingFolder(root, layout.train);
  const ownVal = layout.test && layout.val;
  if (shares?.test && test !== undefined) throw twoParts('test', join(root, test));
  if (shares?.val && ownVal) throw twoParts('val', join(root, 'val'));
  if (test === 'val') notes.push('There is no test/: val/ is what the model is tested on.');
  const { read, classNames } = readerOf(root, 'train', notes);
  const train = read('train');
  const lists = shares ? dividedTraining(config, train, shares, { wantsVal, notes }) : { train };
  return {
    lists: { ...lists, ...(test && { test: read(test) }), ...(wantsVal && ownVal && { val: read('val') }) },
    classNames,
  };
}

function readerOf(root: string, train: string, notes: string[]) {
  const classNames = classFolders(join(root, train)).map(({ name }) => name);
  const read = (split: string): ReadList => {
    const { list, leftOut } = listImageFolder(root, split, classNames);
    if (leftOut !== undefined) notes.push(leftOut);
    return { list, source: join(root, split) };
  };
  return { read, classNames };
}

function notDivided(root: string): DataError {
  return new DataError('The folder has no train/ and no test/, and data.split does not divide it.', {
    where: root,
    next:
      'Let `gala init DIR` write a config for this folder, or, in a command with a config, add --set ' +
      "data.split='{val: 0.1, test: 0.2}'.",
  });
}

function missingFolder(root: string, hasTrain: boolean): DataError {
  return new DataError(`The folder of the ${hasTrain ? 'test' : 'training'} images is missing.`, {
    where: hasTrain ? `looked for ${join(root, 'test')} and ${join(root, 'val')}` : join(root, 'train'),
    next:
      packedArchiveAdvice(root) ??
      (hasTrain
        ? "Name the folder that holds train/ and test/ (or val/) with --data, or add --set data.split='{test: 0.2}'."
        : 'image_folder reads DIR/train/CLASS/… and DIR/test/CLASS/… (or val/), or DIR/CLASS/… with ' +
          'data.split: name DIR with --data or data.root.'),
  });
}

function twoParts(split: 'val' | 'test', folder: string): ConfigError {
  return new ConfigError(`data.split.${split} is given, but there are ${split} images of their own.`, {
    where: folder,
    next: `Leave data.split.${split} out: --set data.split.${split}=0.`,
  });
}
