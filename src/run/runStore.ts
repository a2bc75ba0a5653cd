/**
 * The runs below one folder, `<folder>/<config name>/<time>-<seed>/`, and two ways to choose one of them:
 *
 * - The run of an experiment (`find`, `ofHash`) is the run nearest to its end: a finished one, then one in progress,
 *   then the resumable one with the most epochs, then a diverged one. Equal experiments give equal numbers, so finished
 *   work counts. `--continue`, `--resume` with a config, sweeps, first stages and `gala reproduce` use it.
 * - The latest run (`latestFirst`) is the run that was started last, of those that a command can use. `--resume` alone
 *   and `latest` use it.
 *
 * An unusable run.json hides only its own run.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { configHash, configOf } from '../config/identity.js';
import { DivergedError, StorageError } from '../errors.js';
import { reasonOf } from '../io/faults.js';
import { isLocked } from '../io/folderLock.js';
import { refuseLinksBelow } from '../io/makeFolder.js';
import { readRecord } from './record.js';
import type { RunRecord } from './recordSchema.js';

/** `finished` and `diverged` runs have ended; a run `in progress` has a living process; others can be resumed. */
export type RunState = 'finished' | 'in progress' | 'resumable' | 'diverged';

export interface FoundRun {
  readonly state: RunState;
  readonly directory: string;
  readonly record: RunRecord;
}

/** Each run.json is read once: open the store again to see what has changed. */
export interface RunStore {
  /** As given. */
  readonly folder: string;
  /** All runs, sorted by path. Throws `StorageError` where the folder cannot be listed. */
  all(): readonly FoundRun[];
  /**
   * The runs of a config's name, sorted by path. Links are no runs. Throws `StorageError` for a link in place of a
   * folder of the name.
   */
  ofName(name: string): readonly FoundRun[];
  /** The run nearest to its end among those of a name that are wanted. Throws as `ofName`. */
  find(name: string, isWanted: (record: RunRecord) => boolean): FoundRun | undefined;
  /** `find` by the hash of the config, also as this gala hashes the config of an older record. Throws as `ofName`. */
  ofHash(name: string, hash: string): FoundRun | undefined;
}

export function openRunStore(folder: string): RunStore {
  const read = new Map<string, FoundRun | undefined>();
  const names = new Map<string, readonly FoundRun[]>();
  const hashes = new Map<string, ReadonlyMap<string, FoundRun>>();
  const runAt = (directory: string) => {
    if (!read.has(directory)) read.set(directory, readRun(directory));
    return read.get(directory);
  };
  const runsAt = (directories: readonly string[]) => directories.flatMap(directory => runAt(directory) ?? []);
  const ofName = (name: string) => names.get(name) ?? put(names, name, runsAt(foldersOfName(folder, name)));
  return {
    folder,
    all: () => runsAt(existsSync(folder) ? runFoldersBelow(folder) : []),
    ofName,
    find: (name, isWanted) => nearestToEnd(ofName(name).filter(({ record }) => isWanted(record))),
    ofHash: (name, hash) => (hashes.get(name) ?? put(hashes, name, byHash(ofName(name)))).get(hash),
  };
}

/** The run in a folder; undefined where its run.json is unusable, of which `onUnusable` gets the error. */
export function readRun(directory: string, onUnusable: (error: StorageError) => void = () => {}): FoundRun | undefined {
  try {
    const record = readRecord(join(directory, 'run.json'));
    return { state: stateOf(directory, record), directory, record };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    onUnusable(error);
    return undefined;
  }
}

/** The status of run.json; `stopped` for a run whose process was killed. */
export function statusOf({ record: { status }, state }: FoundRun): string {
  return status === 'running' && state === 'resumable' ? 'stopped' : status;
}

/** The error for a diverged run, whose config is not trained again. `what` begins the sentence. */
export function divergedAlready(what: string, { directory, record }: Omit<FoundRun, 'state'>): DivergedError {
  return new DivergedError(`${what} has diverged already: ${record.failure ?? 'NaN or infinity'}`, {
    where: directory,
    next: 'The same config would do so again: change it, such as optim.learning_rate, or delete the folder.',
  });
}

/** Sorted by the time of the start, the latest first. */
export function latestFirst(runs: readonly FoundRun[]): FoundRun[] {
  return [...runs].sort(
    (a, b) => compare(b.record.started_at, a.record.started_at) || compare(b.directory, a.directory),
  );
}

/**
 * The run folders at or below each of the paths, sorted by path within each, every folder once. Folders inside a run
 * folder are ignored. `onNone` gets each path without a run, since `runs/*` also names other files and folders. Throws
 * `StorageError` for a path that does not exist, and where no path holds a run.
 */
export function findRunFolders(paths: readonly string[], onNone: (path: string) => void = () => undefined): string[] {
  const found = new Map<string, string>();
  const none: string[] = [];
  for (const path of paths) {
    const folders = runFoldersBelow(path);
    if (folders.length === 0) none.push(path);
    for (const folder of folders) {
      const real = realpathSync(folder);
      if (!found.has(real)) found.set(real, folder);
    }
  }
  if (found.size === 0) {
    throw new StorageError('There is no run here: no folder with a run.json.', {
      where: none.join(', '),
      next: 'Give a run folder or a folder of runs, such as runs/cifar100_lt.',
    });
  }
  for (const path of none) onNone(path);
  return [...found.values()];
}

/** The run folders at or below a folder, sorted by path. Throws `StorageError` where it cannot be listed. */
export function runFoldersBelow(folder: string): string[] {
  if (existsSync(join(folder, 'run.json'))) return [folder];
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) return [];
  return subfolders(folder).flatMap(name => runFoldersBelow(join(folder, name)));
}

/** The recorded hash of a run's config, and its hash by this gala, which differs for some older records. */
function hashesOf(record: RunRecord): string[] {
  const key = JSON.stringify(record.config);
  const now = hashesNow.get(key) ?? put(hashesNow, key, configHash(configOf(record)));
  return now === record.config_hash ? [now] : [now, record.config_hash];
}

/** JSON of a recorded config → its hash by this gala: stores that are opened again see the same records. */
const hashesNow = new Map<string, string>();

function byHash(runs: readonly FoundRun[]): ReadonlyMap<string, FoundRun> {
  const groups = new Map<string, FoundRun[]>();
  for (const run of runs)
    for (const hash of hashesOf(run.record)) (groups.get(hash) ?? put(groups, hash, [])).push(run);
  return new Map([...groups].map(([hash, group]) => [hash, nearestToEnd(group)!]));
}

const order: readonly RunState[] = ['finished', 'in progress', 'resumable', 'diverged'];

function nearestToEnd(runs: readonly FoundRun[]): FoundRun | undefined {
  return latestFirst(runs).sort(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || b.record.epoch - a.record.epoch,
  )[0];
}

function stateOf(directory: string, { status }: RunRecord): RunState {
  if (status === 'finished' || status === 'diverged') return status;
  return isLocked(directory) ? 'in progress' : 'resumable';
}

/** The folders with a run.json directly below the folder of a name. */
function foldersOfName(folder: string, name: string): string[] {
  const parent = join(folder, ...name.split('/'));
  refuseLinksBelow(folder, ...name.split('/'));
  if (!existsSync(parent)) return [];
  return subfolders(parent)
    .map(entry => join(parent, entry))
    .filter(directory => existsSync(join(directory, 'run.json')));
}

/** Links are not followed: they may lead in a circle. */
function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name)
      .sort((a, b) => collator.compare(a, b));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StorageError(isMissing ? 'There is no such folder.' : `Could not list the runs: ${reasonOf(error)}`, {
      where: folder,
      next: 'Give a run folder or a folder of runs, such as runs/cifar100_lt.',
      cause: error,
    });
  }
}

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): Value {
  map.set(key, value);
  return value;
}
