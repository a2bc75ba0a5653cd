/**
 * Publishes whole folders: a folder is filled under another name and then renamed, so that a killed process leaves no
 * incomplete folder under the final name.
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from './atomicFile.js';

/** Runs `work` with a new folder in `parent`, whose name begins with `prefix`, and removes the folder afterwards. */
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

/** Removes the staging folders that killed processes left. The caller must hold the lock of `parent`. */
export function removeStagings(parent: string, prefix: string, remove: (staging: string) => void = removeWhole): void {
  for (const name of readdirSync(parent)) {
    // Names that mkdtemp makes.
    if (name.startsWith(prefix) && /^[A-Za-z0-9]+$/.test(name.slice(prefix.length))) remove(join(parent, name));
  }
}

/**
 * Renames `finished` to `final`. A folder that is already there is renamed to `replaced`; without `replaced` it must be
 * empty.
 */
export function publishFolder(finished: string, final: string, replaced?: string): void {
  syncFolder(finished);
  if (replaced !== undefined && statSync(final, { throwIfNoEntry: false })) renameSync(final, replaced);
  renameSync(finished, final);
  syncFolder(dirname(final));
}

/** Free bytes for this user on the disk of a folder. */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function removeWhole(staging: string): void {
  rmSync(staging, { recursive: true, force: true });
}
