/** Removes what a finished run no longer needs: its checkpoints. Tables, records and reports need only what stays. */
import { lstatSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StorageError } from '../errors.js';
import { reasonOf } from '../io/faults.js';
import { refuseLinksBelow } from '../io/makeFolder.js';
import { readRecord } from './record.js';
import { holdRunFolder, openRunFolder } from './runFolder.js';
import type { FoundRun } from './runStore.js';

export interface Cleaned {
  /** Bytes of the checkpoints that were removed, or would be in a dry run. */
  readonly bytes: number;
  /** The status of a run that is not finished and therefore keeps its checkpoints. */
  readonly kept?: string;
}

/** Removes the checkpoints of a finished run. Throws `StorageError` where the folder is not a run's, or in use. */
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
    throw new StorageError(`Could not remove the checkpoints: ${reasonOf(cause)}`, {
      where: folder.checkpoints,
      next: 'Check the permissions of the folder.',
      cause,
    });
  } finally {
    lock.release();
  }
}

/**
 * Folders of the runs whose last checkpoint other runs took, as first stage or as teacher: further runs may need the
 * same checkpoint.
 */
export function sourcesOf(runs: readonly FoundRun[]): Set<string> {
  return new Set(
    runs.flatMap(({ directory, record: { name, first_stage, teachers = [] } }) => {
      // The folder of runs is as many levels above a run as its name has parts, and one for the run itself.
      const output = resolve(directory, ...name.split('/').map(() => '..'), '..');
      return [...(first_stage ? [first_stage] : []), ...teachers].map(({ run }) => resolve(output, run));
    }),
  );
}

/** The files that training writes; other files, and folders of these names, belong to the user. */
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
