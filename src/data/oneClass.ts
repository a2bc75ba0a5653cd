/** A set of one class: no loss trains on it, and its accuracy is 100 %. */
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { classFolders, foldersIn } from './files/imageFolder.js';

const shownFolders = 3;

/**
 * Throws `DataError` where there is only one class. `where` is the list, or the folder of the training images: with
 * `isFolder` the message tells of class folders that lie one folder too deep.
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

function adviceForFolder(train: string, only: string): string {
  const below = classFolders(train).flatMap(({ folder }) => foldersIn(join(train, folder)));
  if (below.length === 0) return 'Put the images of each class into a folder of its own below train/.';
  const named = `${below.slice(0, shownFolders).join(', ')}${below.length > shownFolders ? ', …' : ''}`;
  return (
    `The class folders must lie directly below train/: move those in ${only} (${named}) up into train/, ` +
    'in the other splits too.'
  );
}
