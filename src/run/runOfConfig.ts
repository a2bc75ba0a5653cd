/** Which run folder holds a given experiment: what a sweep does not run again, `--continue` goes on with, and a table records. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { configHash, configOf } from '../config/identity.js';
import { StorageError } from '../errors.js';
import { isLocked } from '../io/folderLock.js';
import { refuseLinksBelow } from '../io/ownFolder.js';
import { type RunRecord, readRecord } from './record.js';

/** What can be done with a run: nothing more (`finished`, `diverged`), wait for its process, or resume it. */
export type RunState = 'finished' | 'in progress' | 'resumable' | 'diverged';

export interface FoundRun {
  readonly state: RunState;
  readonly directory: string;
  readonly record: RunRecord;
}

const order: readonly RunState[] = ['finished', 'in progress', 'resumable', 'diverged'];

/**
 * Of the runs `<output>/<config name>/*` that `isWanted`, the nearest to its end: finished, in progress, or the longest of
 * those to resume; a diverged one last. Links, and folders with an unreadable
 * run.json, are passed over. Throws `StorageError` for a link in place of a folder of the name.
 */
export function findRun(output: string, name: string, isWanted: (record: RunRecord) => boolean): FoundRun | undefined {
  const parent = join(output, ...name.split('/'));
  refuseLinksBelow(output, ...name.split('/'));
  const found = (existsSync(parent) ? readdirSync(parent, { withFileTypes: true }) : []).flatMap(entry => {
    const run = entry.isDirectory() ? readRun(join(parent, entry.name)) : undefined;
    return run && isWanted(run.record) ? [run] : [];
  });
  return found.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || b.record.epoch - a.record.epoch)[0];
}

/** `findRun` by the hash of the config: equal hashes are equal experiments. A record of an older gala is hashed as this one would. */
export function findRunOfHash(output: string, name: string, hash: string): FoundRun | undefined {
  return findRun(output, name, record => record.config_hash === hash || hashNow(record) === hash);
}

/** JSON of a recorded config → its hash by this gala: a sweep looks through the same records again and again. */
const hashesNow = new Map<string, string>();

function hashNow(record: RunRecord): string {
  const key = JSON.stringify(record.config);
  const known = hashesNow.get(key);
  if (known !== undefined) return known;
  const hash = configHash(configOf(record));
  hashesNow.set(key, hash);
  return hash;
}

/** The run in a folder and its state; undefined when its run.json cannot be read. */
export function readRun(directory: string): FoundRun | undefined {
  try {
    const record = readRecord(join(directory, 'run.json'));
    return { state: stateOf(directory, record), directory, record };
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

function stateOf(directory: string, { status }: RunRecord): RunState {
  if (status === 'finished' || status === 'diverged') return status;
  return isLocked(directory) ? 'in progress' : 'resumable';
}
