/**
 * The lock of an experiment, in a folder beside its runs: it decides which of several processes begins the run of a
 * config. Once the run has its record, the lock of the run folder shows who works on it.
 */
import { existsSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { diskFault } from '../io/faults.js';
import { type FolderHolder, type FolderLock, isLocked, tryLockFolder } from '../io/folderLock.js';
import { makeFolder } from '../io/makeFolder.js';
import { folderOfName } from './runFolder.js';

/**
 * `<output>/<name>/.begin-<hash12>`: exists while a run with this config hash (hex) begins, or after the process that
 * began it was killed. Another seed has another hash, and so another folder. Throws `ConfigError` for a name that is
 * no path.
 */
export function experimentLockFolder(output: string, name: string, hash: string): string {
  return join(folderOfName(name, output), `.begin-${hash.slice(0, 12)}`);
}

/** Makes and locks the folder, which `release` removes, or returns its holder. Throws `StorageError` for the disk. */
export function tryLockExperiment(folder: string): FolderLock | FolderHolder {
  for (;;) {
    try {
      makeFolder(folder);
    } catch (error) {
      throw diskFault('Could not make a folder beside the runs', folder, error);
    }
    try {
      const lock = tryLockFolder(folder);
      return 'release' in lock ? { release: () => release(lock, folder) } : lock;
    } catch (error) {
      if (existsSync(folder)) throw error; // otherwise its holder has just removed it
    }
  }
}

/** Whether a live process holds the folder; false where there is no folder. */
export function isExperimentLocked(folder: string): boolean {
  try {
    return isLocked(folder);
  } catch (error) {
    if (!existsSync(folder)) return false;
    throw error;
  }
}

function release(lock: FolderLock, folder: string): void {
  lock.release();
  try {
    rmdirSync(folder);
  } catch {
    // another process holds it by now, or it is gone
  }
}
