/**
 * The runs below one folder, `<folder>/<config name>/<time>-<seed>/`, and how to find one of them. There are two
 * questions:
 *
 * - The run of an experiment (`find`, `ofHash`) is the one nearest to its end: finished, in progress, the one with
 *   the most epochs
 *   to resume, diverged. Equal experiments give equal numbers, so whatever is done already counts. `--continue`,
 *   `--resume` with a
 *   config, sweeps, first stages and `gala reproduce` ask this.
 * - The latest run (`latestFirst`) is the one that was started last. `--resume` alone and `latest` ask this.
 *
 * A run.json that cannot be used hides its own run only: it is kept in `unusable` for whoever wants to warn.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { configHash, configOf } from '../config/identity.js';
import { StorageError } from '../errors.js';
import { reasonOf } from '../io/faults.js';
import { isLocked } from '../io/folderLock.js';
import { refuseLinksBelow } from '../io/makeFolder.js';
import { readRecord } from './record.js';
import type { RunRecord } from './recordSchema.js';

/** What can be done with a run: nothing more (`finished`, `diverged`), wait for its process, or resume it. */
export type RunState = 'finished' | 'in progress' | 'resumable' | 'diverged';

export interface FoundRun {
  readonly state: RunState;
  readonly directory: string;
  readonly record: RunRecord;
}

/** A run folder whose run.json cannot be used. */
interface UnusableRun {
  readonly directory: string;
  readonly error: StorageError;
}

/** The runs as they were when they were first asked for: open the store again to see what changed since. */
export interface RunStore {
  /** As given. */
  readonly folder: string;
  /** Run folders met so far whose run.json cannot be used. */
  readonly unusable: readonly UnusableRun[];
  /** All runs, sorted by path. Throws `StorageError` where the folder cannot be listed. */
  all(): readonly FoundRun[];
  /**
   * The runs of a config's name, sorted by path. Links are no runs. Throws `StorageError` for a link in place of a
   * folder of the name.
   */
  ofName(name: string): readonly FoundRun[];
  /** Of the runs of a name that `isWanted`, the one nearest to its end. Throws as `ofName`. */
  find(name: string, isWanted: (record: RunRecord) => boolean): FoundRun | undefined;
  /** `find` by the hash of the config; the record of an older gala is hashed as this gala would. Throws as `ofName`. */
  ofHash(name: string, hash: string): FoundRun | undefined;
}

export function openRunStore(folder: string): RunStore {
  const unusable: UnusableRun[] = [];
  const read = new Map<string, FoundRun | undefined>();
  const names = new Map<string, readonly FoundRun[]>();
  const hashes = new Map<string, ReadonlyMap<string, FoundRun>>();
  const runAt = (directory: string) => {
    if (!read.has(directory))
      read.set(
        directory,
        readRun(directory, error => unusable.push({ directory, error })),
      );
    return read.get(directory);
  };
  const runsAt = (directories: readonly string[]) => directories.flatMap(directory => runAt(directory) ?? []);
  const ofName = (name: string) => names.get(name) ?? put(names, name, runsAt(foldersOfName(folder, name)));
  return {
    folder,
    unusable,
    all: () => runsAt(existsSync(folder) ? runFoldersBelow(folder) : []),
    ofName,
    find: (name, isWanted) => nearestToEnd(ofName(name).filter(({ record }) => isWanted(record))),
    ofHash: (name, hash) => (hashes.get(name) ?? put(hashes, name, byHash(ofName(name)))).get(hash),
  };
}

/** The run in a folder; undefined where its run.json cannot be used, which `onUnusable` is told. */
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

/** Those started last come first. */
export function latestFirst(runs: readonly FoundRun[]): FoundRun[] {
  return [...runs].sort(
    (a, b) => compare(b.record.started_at, a.record.started_at) || compare(b.directory, a.directory),
  );
}

/**
 * Run folders at or below each of the paths, sorted by path within each, every folder once. Nothing inside a run folder
 * is looked at. `runs/*` names files and folders without runs too: `onNone` is told of each. Throws `StorageError` for
 * a path that is not there, and where no path holds a run.
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

/** Run folders at or below a folder, sorted by path. Throws `StorageError` where it cannot be listed. */
export function runFoldersBelow(folder: string): string[] {
  if (existsSync(join(folder, 'run.json'))) return [folder];
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) return [];
  return subfolders(folder).flatMap(name => runFoldersBelow(join(folder, name)));
}

/** Whether a run is of the experiment with this hash, or would be if this gala had written its record. */
function hashesOf(record: RunRecord): string[] {
  const key = JSON.stringify(record.config);
  const now = hashesNow.get(key) ?? put(hashesNow, key, configHash(configOf(record)));
  return now === record.config_hash ? [now] : [now, record.config_hash];
}

/**
 * JSON of a recorded config → its hash by this gala: stores that are opened again and again look at the same records.
 */
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

/** Folders directly below that of a name which hold a run.json. */
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
