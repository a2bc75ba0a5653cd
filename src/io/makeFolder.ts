/** Makes folders. Below a folder that the user named, gala follows no links: they could lead anywhere. */
import { existsSync, lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StorageError } from '../errors.js';
import { shellWord } from './shellWord.js';

/**
 * Makes a folder and the missing folders above it. Throws the system's error of the folder that could not be made, and
 * `StorageError` for a link that leads nowhere. Node's recursive mkdir says ENOENT, "no such file or directory", on a
 * read-only file system and never returns in /proc.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      refuseDeadLink(folder);
      // Another process was first.
    }
  }
}

/** Throws `StorageError` for a link to a folder that is not there, such as one on a scratch disk that was cleared. */
function refuseDeadLink(folder: string): void {
  if (existsSync(folder)) return;
  const target = resolve(dirname(folder), readlinkSync(folder));
  throw new StorageError('A link lies in place of the folder, and leads nowhere.', {
    where: `${folder} → ${target}`,
    next: `Make the folder it leads to: mkdir -p ${shellWord(target)}`,
  });
}

/**
 * Makes `root`, which may be a link, and the nested folders `parts` below it. Returns the last one. Throws
 * `StorageError` where a part is a link, and the system's error of a folder that cannot be made.
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

/** Throws `StorageError` where one of the nested folders `parts` below `root` is a link. They need not exist. */
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
