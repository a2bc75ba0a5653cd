/** A folder of one sub-folder a class, as torchvision's ImageFolder reads it, as an image list. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { type ImageList, lineHash } from './imageList.js';
import { sharedBytes, sharedInt32 } from './sharedDataset.js';

const imageName = /\.(jpe?g|png|webp|gif|tiff?)$/i;

/** Names of the classes: the sub-folders of `folder` and links to folders, sorted by code unit. Throws `DataError` when there is none. */
export function classFolders(folder: string): string[] {
  const names = entriesOf(folder)
    .filter(entry => isFolder(folder, entry))
    .map(entry => entry.name)
    .filter(name => !name.startsWith('.'))
    .sort();
  if (names.length > 0) return names;
  throw new DataError('The folder has no sub-folders, one for each class.', {
    where: folder,
    next: 'Put the images of each class into a folder of its name, or give a list with data.dataset: image_list.',
  });
}

/**
 * Every image below `root`/`split`/CLASS, in order of class and name; folders of the list are relative to `root`. Links are
 * followed. A class of `classNames` without a folder has no images. Throws `DataError` for a folder that is no class or cannot
 * be read, and for a link that leads nowhere or back to a folder that it lies in.
 */
export function listImageFolder(root: string, split: string, classNames: readonly string[]): ImageList {
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const folders: string[] = [];
  const found: { folder: number; label: number; name: Buffer }[] = [];
  /** `above`: the real paths of the folders that the walk came through. */
  const walk = (folder: string, label: number, above: readonly string[]) => {
    const path = join(root, folder);
    const entries = entriesOf(path).sort((a, b) => (a.name < b.name ? -1 : 1));
    const real = realpathSync(path);
    if (above.some(other => other === real || other.startsWith(`${real}/`))) throw leadsBack(path, real);
    const subFolders = new Set(entries.filter(entry => isFolder(path, entry)));
    const images = entries.filter(entry => !subFolders.has(entry) && imageName.test(entry.name));
    const index = images.length === 0 ? -1 : folders.push(folder) - 1;
    for (const { name } of images) found.push({ folder: index, label, name: Buffer.from(name) });
    for (const { name } of subFolders) walk(`${folder}/${name}`, label, [...above, real]);
  };
  for (const name of classFolders(join(root, split))) {
    const label = labelOf.get(name);
    if (label === undefined) {
      throw new DataError(`The folder ${name} is no class of the training images.`, {
        where: join(root, split, name),
        next: `The classes are the ${classNames.length} sub-folders of the training folder: ${classNames.slice(0, 5).join(', ')}…`,
      });
    }
    walk(`${split}/${name}`, label, []);
  }
  return flat(folders, found, join(root, split));
}

function flat(
  folders: readonly string[],
  found: readonly { readonly folder: number; readonly label: number; readonly name: Buffer }[],
  where: string,
): ImageList {
  if (found.length === 0) {
    throw new DataError('There are no images in the folders of the classes.', {
      where,
      next: 'Files that end in .jpg, .jpeg, .png, .webp, .gif or .tif are taken.',
    });
  }
  const labels = sharedInt32(found.length);
  const folderOf = sharedInt32(found.length);
  const nameStarts = sharedInt32(found.length);
  const nameLengths = sharedBytes(found.length);
  const nameBytes = sharedBytes(found.reduce((sum, { name }) => sum + name.length, 0));
  const lines = lineHash();
  let filled = 0;
  found.forEach(({ folder, label, name }, i) => {
    labels[i] = label;
    folderOf[i] = folder;
    nameStarts[i] = filled;
    nameLengths[i] = name.length;
    nameBytes.set(name, filled);
    filled += name.length;
    lines.add(Buffer.concat([Buffer.from(`${folders[folder]}/`), name]), label);
  });
  return { folders, labels, folderOf, nameStarts, nameLengths, nameBytes, fingerprint: lines.digest() };
}

/** Whether an entry of `folder` is a folder or a link to one. A link that leads nowhere is an image where its name says so. */
function isFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const path = join(folder, entry.name);
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (imageName.test(entry.name)) return false;
    throw new DataError(`The link could not be followed: ${(error as Error).message}`, {
      where: path,
      next: 'Make it lead to the images, or remove it.',
      cause: error,
    });
  }
}

function leadsBack(path: string, real: string): DataError {
  return new DataError('The link leads back to a folder that it lies in.', {
    where: `${path} → ${real}`,
    next: 'Remove it: the images there would be taken again and again.',
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new DataError(`The folder could not be read: ${(error as Error).message}`, {
      where: folder,
      next: 'Check the path and its permissions.',
      cause: error,
    });
  }
}
