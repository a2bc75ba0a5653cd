/**
 * Folders that gala makes below one that its user named. What is written or deleted in them must not lead anywhere
 * else.
 */
import { lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { makeFolder } from './makeFolder.js';

/**
 * Makes `root`, which may be a link, and the folders `parts` one in the other below it. Returns the last one. Throws
 * `StorageError` for a link among them, and the system's error of a folder that cannot be made.
 */
export function makeFolderBelow(root: string, ...parts: readonly string[]): string {
  makeFolder(root);
  let folder = root;
  for (const part of parts) {
    folder = join(folder, part);
    try {
      mkdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      refuseLink(folder);
    }
  }
  return folder;
}

/**
 * Throws `StorageError` where one of the folders `parts`, one in the other below `root`, is a link. They need not be
 * there.
 */
export function refuseLinksBelow(root: string, ...parts: readonly string[]): void {
  let folder = root;
  for (const part of parts) {
    folder = join(folder, part);
    refuseLink(folder);
  }
}

function refuseLink(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new StorageError('A link lies in place of a folder, and gala writes and deletes nothing through it.', {
    where: `${folder} → ${readlinkSync(folder)}`,
    next: 'Put the folder itself in place of the link, or name the folder that it leads to in the command.',
  });
}
