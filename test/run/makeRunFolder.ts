/** A run folder of a process that is gone: made, and given free again. */
import { beginRunFolder, type NewRunFolder, type RunFolder } from '../../src/run/runFolder.js';

export function makeRunFolder(run: NewRunFolder): RunFolder {
  const { folder, lock } = beginRunFolder(run);
  lock.release();
  return folder;
}
