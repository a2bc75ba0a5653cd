/** What a finished run no longer needs: its checkpoints. Everything that a table, a record or a report is made of stays. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
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
  if (dryRun) return { bytes: sizeOf(folder.checkpoints) };
  const { lock } = holdRunFolder(folder);
  try {
    const bytes = sizeOf(folder.checkpoints);
    for (const file of checkpointsIn(folder.checkpoints)) rmSync(join(folder.checkpoints, file));
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

function checkpointsIn(folder: string): string[] {
  return readdirSync(folder).filter(name => name.endsWith('.safetensors'));
}

function sizeOf(folder: string): number {
  return checkpointsIn(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
