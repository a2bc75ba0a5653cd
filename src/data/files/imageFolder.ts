/** Lists the images of a folder with one sub-folder per class, as torchvision's ImageFolder does. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { sharedInt32 } from '../dataset.js';
import { imageEndings } from '../images/format.js';
import { nameTable } from './imageFiles.js';
import { type ImageList, lineHash } from './imageList.js';
import { isLeftBehind, type LeftOutFiles, leftOutFiles } from './leftOutFiles.js';
import { packedArchiveAdvice } from './packedArchives.js';
import { requireReadableName } from './readableNames.js';

const imageName = new RegExp(`\\.(${imageEndings.join('|')})$`, 'i');

/** Whether the name of a file has the ending of an image. */
export function isImageName(name: string): boolean {
  return imageName.test(name);
}

export interface ClassFolder {
  /** Name on disk. */
  readonly folder: string;
  /** Name of the class: the name on disk in Unicode's form NFC. */
  readonly name: string;
}

/**
 * The folders of `foldersIn`, sorted by the code units of their class names. Throws `DataError` when there is none or
 * two have the same class name.
 */
export function classFolders(folder: string): ClassFolder[] {
  const folders = foldersIn(folder)
    .map(name => ({ folder: name, name: name.normalize('NFC') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of folders) requireReadableName(folder, entry.folder);
  const twin = folders.find(({ name }, i) => name === folders[i + 1]?.name);
  if (twin !== undefined) {
    throw new DataError(`Two folders are called ${twin.name}, with the accents written in two ways (NFC and NFD).`, {
      where: folder,
      next: 'Move the images of both into one of them.',
    });
  }
  if (folders.length > 0) return folders;
  const packed = packedArchiveAdvice(folder);
  throw new DataError('The folder has no sub-folders, one for each class.', {
    where: folder,
    next:
      packed ?? 'Put the images of each class into a folder of its name, or give a list with data.dataset: image_list.',
  });
}

/**
 * Names of the sub-folders of `folder`, and of links to folders, without those that programs leave (`isLeftBehind`).
 * Throws `DataError`.
 */
export function foldersIn(folder: string): string[] {
  return entriesOf(folder)
    .filter(entry => !isLeftBehind(entry.name) && isFolder(folder, entry))
    .map(({ name }) => name)
    .sort();
}

export interface ListedFolder {
  readonly list: ImageList;
  /** A sentence about the files that are not in the list; undefined where there are none. */
  readonly leftOut: string | undefined;
}

/**
 * All images below `root`/`split`/CLASS (`root`/CLASS where `split` is empty), in order of class and name. The folders
 * of the list are relative to `root`. Follows links. Throws `DataError` for a folder that is no class or cannot be
 * read, for a link that leads nowhere or to a folder that contains it, and for a name that is not UTF-8.
 */
export function listImageFolder(root: string, split: string, classNames: readonly string[]): ListedFolder {
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const folders: string[] = [];
  const found: { folder: number; label: number; name: Buffer }[] = [];
  const leftOut = leftOutFiles();
  /** `above`: the real paths of the folders that contain `folder`. */
  const walk = (folder: string, label: number, above: readonly string[]) => {
    const path = join(root, folder);
    const entries = entriesOf(path).sort((a, b) => (a.name < b.name ? -1 : 1));
    const real = realpathSync(path);
    if (above.some(other => other === real || other.startsWith(`${real}/`))) throw leadsBack(path, real);
    const subFolders: string[] = [];
    let index = -1;
    for (const entry of entries) {
      const { name } = entry;
      if (isLeftBehind(name)) countLeftBehind(leftOut, path, entry);
      else if (isFolder(path, entry)) subFolders.push(name);
      else if (!imageName.test(name)) leftOut.addFile(name);
      else {
        requireReadableName(path, name);
        if (index === -1) index = folders.push(folder) - 1;
        found.push({ folder: index, label, name: Buffer.from(name) });
      }
    }
    for (const name of subFolders) {
      requireReadableName(path, name);
      walk(`${folder}/${name}`, label, [...above, real]);
    }
  };
  const base = join(root, split);
  for (const entry of entriesOf(base)) {
    if (isLeftBehind(entry.name)) countLeftBehind(leftOut, base, entry);
    else if (!isFolder(base, entry)) leftOut.addBeside(entry.name);
  }
  for (const { folder, name } of classFolders(base)) {
    const label = labelOf.get(name);
    if (label === undefined) {
      throw new DataError(`The folder ${name} is no class of the training images.`, {
        where: join(base, folder),
        next:
          `The classes are the ${classNames.length} sub-folders of the training folder: ` +
          `${classNames.slice(0, 5).join(', ')}…`,
      });
    }
    walk(split === '' ? folder : `${split}/${folder}`, label, []);
  }
  return {
    list: flat(folders, found, base, leftOut.sentence(split || root)),
    leftOut: leftOut.sentence(split || root),
  };
}

function countLeftBehind(leftOut: LeftOutFiles, folder: string, entry: Dirent): void {
  if (entry.isDirectory()) leftOut.addFolder(join(folder, entry.name), entry.name);
  else leftOut.addFile(entry.name);
}

function flat(
  folders: readonly string[],
  found: readonly { readonly folder: number; readonly label: number; readonly name: Buffer }[],
  where: string,
  leftOut: string | undefined,
): ImageList {
  if (found.length === 0) {
    throw new DataError(
      ['There are no images in the folders of the classes.', ...(leftOut ? [leftOut] : [])].join(' '),
      {
        where,
        next:
          packedArchiveAdvice(where) ??
          `Files are taken that end in ${imageEndings.map(ending => `.${ending}`).join(', ')}.`,
      },
    );
  }
  const labels = sharedInt32(found.length);
  const folderOf = sharedInt32(found.length);
  const lines = lineHash();
  found.forEach(({ folder, label, name }, i) => {
    labels[i] = label;
    folderOf[i] = folder;
    lines.add(Buffer.concat([Buffer.from(`${folders[folder]}/`), name]), label);
  });
  const names = nameTable(found.map(({ name }) => name));
  return { folders, labels, folderOf, ...names, fingerprint: lines.digest() };
}

/**
 * Whether an entry of `folder` is a folder or a link to one. A link that leads nowhere counts as an image where its
 * name has the ending of one. Throws `DataError`.
 */
function isFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const path = join(folder, entry.name);
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (imageName.test(entry.name)) return false;
    throw new DataError(`The link could not be followed: ${reasonOf(error)}`, {
      where: path,
      next: 'Make it lead to the images, or remove it.',
      cause: error,
    });
  }
}

function leadsBack(path: string, real: string): DataError {
  return new DataError('The link leads to a folder that contains the link.', {
    where: `${path} → ${real}`,
    next: 'Remove the link: its images would be read again and again.',
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new DataError(`The folder could not be read: ${reasonOf(error)}`, {
      where: folder,
      next: 'Check the path and its permissions.',
      cause: error,
    });
  }
}
