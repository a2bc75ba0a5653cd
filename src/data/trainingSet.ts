/** What a training set must have: two classes, an image of every class, and one whole batch. */
import { basename, join } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import { classFolders, foldersIn } from './files/imageFolder.js';

const shownFolders = 3;

/**
 * Throws `DataError` for a set of one class. `where` is the list, or the folder of the training images; with `isFolder`
 * the message names class folders that are one folder too deep.
 */
export function requireTwoClasses(classNames: readonly string[], where: string, isFolder: boolean): void {
  const [only, second] = classNames;
  if (only === undefined || second !== undefined) return;
  throw new DataError(`The set has one class, ${only}; a classifier needs at least two.`, {
    where,
    next: isFolder
      ? adviceForFolder(where, only)
      : 'Give each class a number of its own, from 0, in the lists of the set.',
  });
}

function adviceForFolder(root: string, only: string): string {
  const name = `${basename(root)}/`;
  const below = classFolders(root).flatMap(({ folder }) => foldersIn(join(root, folder)));
  if (below.length === 0) return `Put the images of each class into a folder of its own below ${name}.`;
  const named = `${below.slice(0, shownFolders).join(', ')}${below.length > shownFolders ? ', …' : ''}`;
  return (
    `The class folders must lie directly below ${name}: move those in ${only} (${named}) up into ${name}, ` +
    'in the other splits too.'
  );
}

/**
 * Throws `DataError` where a class has no training image: losses and re-balancing take the logarithm of its share.
 * `counts` are the training images of each class.
 */
export function requireEveryClass(counts: Int32Array, classNames: readonly string[], where: string): void {
  const empty = Array.from(counts.keys()).filter(label => counts[label] === 0);
  const [label] = empty;
  if (label === undefined) return;
  const others =
    empty.length === 1 ? '' : empty.length === 2 ? ', nor has 1 other' : `, nor have ${empty.length - 1} others`;
  throw new DataError(`Class ${label} (${classNames[label]}) has no training image${others}.`, {
    where,
    next:
      'Every class from 0 to the largest label needs at least one. Add images, or leave the class out: move its ' +
      'folder elsewhere, or number the classes of the lists anew.',
  });
}

/** Throws `ConfigError` where `images` training images are fewer than one batch. */
export function requireWholeBatch(images: number, batchSize: number): void {
  if (images >= batchSize) return;
  throw new ConfigError(`A batch of ${batchSize} images is larger than the training set of ${images}.`, {
    where: 'train.batch_size',
    next: `Set train.batch_size to ${images} or less.`,
  });
}
