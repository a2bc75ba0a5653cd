/** The lock of a first stage, in a folder beside its runs: of the processes that want one config trained it says which trains it. */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { GalaError } from '../errors.js';
import { isLocked, lockFolder, type RunLock } from './lock.js';

/**
 * `<output>/<name>/.stage-<hash12>`: there while the first stage with this config hash (hex) is trained, or when its process was
 * killed. Another seed has another hash, and so another folder.
 */
export function firstStageLockFolder(output: string, name: string, hash: string): string {
  return join(output, ...name.split('/'), `.stage-${hash.slice(0, 12)}`);
}

/** Makes and locks the folder; `release` removes it. Undefined when another process holds it. Throws `StorageError` for the disk. */
export function tryLockFirstStage(folder: string): RunLock | undefined {
  mkdirSync(folder, { recursive: true });
  let lock: RunLock;
  try {
    if (isFirstStageLocked(folder)) return undefined;
    lock = lockFolder(folder);
  } catch (error) {
    // Its holder has just removed it, or two came at the same moment.
    if (error instanceof GalaError && (!existsSync(folder) || isFirstStageLocked(folder))) return undefined;
    throw error;
  }
  return {
    release() {
      lock.release();
      try {
        rmdirSync(folder);
      } catch {
        // another process holds it already
      }
    },
  };
}

/** Whether a live process holds the folder, which need not be there. */
export function isFirstStageLocked(folder: string): boolean {
  try {
    return isLocked(folder);
  } catch (error) {
    if (!existsSync(folder)) return false;
    throw error;
  }
}
