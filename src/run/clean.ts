/**
 * What a finished run no longer needs: its checkpoints. Everything that a table, a record or a report is made of stays.
 */
import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { refuseLinksBelow } from '../io/makeFolder.js';
import { readRecord } from './record.js';
import { holdRunFolder, openRunFolder } from './runFolder.js';

export interface Cleaned {
  /** Bytes of the checkpoints that were, or would be, removed. */
  readonly bytes: number;
  /** The status for which the run was left alone. */
  readonly kept?: string;
}

/** Removes the checkpoints of a run if it is finished. Throws `StorageError` when the folder is none, or in use. */
export function cleanRun(directory: string, dryRun: boolean): Cleaned {
  const folder = openRunFolder(directory);
  const { status } = readRecord(folder.record);
  if (status !== 'finished') return { bytes: 0, kept: status };
  refuseLinksBelow(folder.directory, 'checkpoints');
  if (dryRun) return { bytes: sizeOf(folder.checkpoints) };
  const { lock } = holdRunFolder(folder);
  try {
    const bytes = sizeOf(folder.checkpoints);
    for (const { path } of checkpointsIn(folder.checkpoints)) rmSync(path);
    return { bytes };
  } catch (cause) {
    throw new StorageError(`Could not remove the checkpoints: ${(cause as Error).message}`, {
      where: folder.checkpoints,
      next: 'Check the permissions of the folder.',
      cause,
    });
  } finally {
    lock.release();
  }
}

/** The files that training writes there; any other, and a folder of the same name, is somebody's own. */
function checkpointsIn(folder: string): { path: string; bytes: number }[] {
  return ['best', 'last', 'last.previous'].flatMap(name => {
    const path = join(folder, `${name}.safetensors`);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat && !stat.isDirectory() ? [{ path, bytes: stat.size }] : [];
  });
}

function sizeOf(folder: string): number {
  return checkpointsIn(folder).reduce((sum, { bytes }) => sum + bytes, 0);
}
