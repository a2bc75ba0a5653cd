/**
 * Folders that are made whole beside their place and put there by a rename, so that a kill leaves nothing that counts
 * as whole.
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from './atomicFile.js';

/**
 * Runs `work` in a new folder of `parent`, whose name begins with `prefix`, and removes this folder afterwards.
 */
export async function withStaging<T>(
  parent: string,
  prefix: string,
  work: (staging: string) => Promise<T>,
  remove: (staging: string) => void = removeWhole,
): Promise<T> {
  const staging = mkdtempSync(join(parent, prefix));
  try {
    return await work(staging);
  } finally {
    remove(staging);
  }
}

/** Removes the staging folders that killed processes left; only for whoever holds the lock of `parent`. */
export function removeStagings(parent: string, prefix: string, remove: (staging: string) => void = removeWhole): void {
  for (const name of readdirSync(parent)) {
    // As mkdtemp makes them.
    if (name.startsWith(prefix) && /^[A-Za-z0-9]+$/.test(name.slice(prefix.length))) remove(join(parent, name));
  }
}

/**
 * Puts a finished folder in place. What is there already moves to `replaced`; without it only an empty folder is
 * replaced.
 */
export function publishFolder(finished: string, final: string, replaced?: string): void {
  syncFolder(finished);
  if (replaced !== undefined && statSync(final, { throwIfNoEntry: false })) renameSync(final, replaced);
  renameSync(finished, final);
  syncFolder(dirname(final));
}

/** Free bytes, for this user, of the disk that holds a folder. */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function removeWhole(staging: string): void {
  rmSync(staging, { recursive: true, force: true });
}
