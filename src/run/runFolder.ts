/** `runs/<config name>/<UTC time>-<seed>/`: made exclusively, opened again for `--resume`, `eval` and `report`. */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isExperimentName, nameRule } from '../config/experimentName.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { removeTemporaries } from '../io/atomicFile.js';
import { diskFault } from '../io/faults.js';
import { type FolderLock, isLocked, lockFolder, tryLockFolder } from '../io/folderLock.js';
import { parseLockName } from '../io/lockHolder.js';
import { makeFolderBelow, refuseLinksBelow } from '../io/makeFolder.js';

/** Paths of everything a run writes; see docs/run-folder.md. */
export interface RunFolder {
  readonly directory: string;
  readonly record: string;
  readonly config: string;
  readonly metrics: string;
  readonly metricsCsv: string;
  readonly gradients: string;
  readonly checkpoints: string;
  readonly logits: string;
}

export interface NewRunFolder {
  /** The folder of runs; `runs` below the current one by default. */
  readonly output?: string | undefined;
  /** Name of the config, e.g. `cifar100_lt/gala_if100`. */
  readonly name: string;
  readonly seed: number;
}

const folderPattern = /^\d{8}-\d{6}-\d+(-\d+)?$/;

/** A run folder that this process holds. */
export interface HeldRun {
  readonly folder: RunFolder;
  readonly lock: FolderLock;
}

/**
 * Makes a new run folder with `checkpoints/` and `logits/`, held by this process from its beginning. However many
 * processes call it in the same second, each gets a folder of its own (`…-<seed>`, `…-<seed>-2`, …). Run folders of the
 * same config that were left before their run began, by processes that were killed, are removed. Throws `ConfigError`
 * for an unusable name, `StorageError` for the disk.
 */
export function beginRunFolder({ output, name, seed }: NewRunFolder): HeldRun {
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .replace('T', '-');
  for (;;) {
    const folder = pathsOf(makeRunFolder({ output, name }, `${stamp}-${seed}`));
    const lock = lockNew(folder.directory);
    if (lock) return prepare(folder, lock);
  }
}

/** Undefined where another process took the folder for a leftover before it was held. */
function lockNew(directory: string): FolderLock | undefined {
  try {
    const lock = tryLockFolder(directory);
    return 'release' in lock ? lock : undefined;
  } catch (error) {
    if (existsSync(directory)) throw error;
    return undefined;
  }
}

function makeRunFolder({ output, name }: Omit<NewRunFolder, 'seed'>, wanted: string): string {
  const parent = folderOfName(name, output);
  try {
    makeFolderBelow(resolve(output ?? 'runs'), ...name.split('/'));
    removeLeftovers(parent);
    return makeExclusively(join(parent, wanted));
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw withRemedy(diskFault('Could not make a run folder', parent, error), 'Or choose another place with --runs.');
  }
}

/** Opens an existing run folder. Throws `StorageError` when it is none. */
export function openRunFolder(directory: string): RunFolder {
  const folder = pathsOf(resolve(directory));
  if (!statSync(folder.record, { throwIfNoEntry: false })) {
    const isThere = statSync(folder.directory, { throwIfNoEntry: false })?.isDirectory();
    throw new StorageError(isThere ? 'This is not a run folder: it has no run.json.' : 'There is no such folder.', {
      where: folder.directory,
      next: 'Give the folder named after time and seed, e.g. runs/cifar100_lt/gala_if100/20260102-030405-0.',
    });
  }
  return folder;
}

/**
 * Takes a run folder for this process and clears the temp files that a killed one left. Only the holder may write to
 * it. Throws `StorageError` naming the process that holds it.
 */
export function holdRunFolder(folder: RunFolder): HeldRun {
  return prepare(folder, lockFolder(folder.directory));
}

function prepare(folder: RunFolder, lock: FolderLock): HeldRun {
  try {
    refuseLinksBelow(folder.directory, 'checkpoints');
    refuseLinksBelow(folder.directory, 'logits');
    for (const place of [folder.directory, folder.checkpoints, folder.logits]) {
      mkdirSync(place, { recursive: true });
      removeTemporaries(place);
    }
  } catch (error) {
    lock.release();
    if (error instanceof StorageError) throw error;
    throw diskFault('Could not prepare the run folder', folder.directory, error);
  }
  return { folder, lock };
}

/**
 * Gives the folder free, and removes it where nothing began: it has no run.json, and nothing but what a run writes
 * before that. One that holds more, or cannot be looked at, stays as it is.
 */
export function leaveRunFolder({ folder, lock }: HeldRun): void {
  try {
    if (isUnbegun(folder)) {
      rmdirSync(folder.checkpoints);
      rmdirSync(folder.logits);
      rmSync(folder.config, { force: true });
    }
  } catch {
    // a checkpoint is there, or the folder is gone
  }
  lock.release();
  try {
    rmdirSync(folder.directory); // only an empty one
  } catch {
    // it holds a run
  }
}

function isUnbegun({ directory, checkpoints, logits, config }: RunFolder): boolean {
  const own = [checkpoints, logits, config].map(path => basename(path));
  return readdirSync(directory).every(name => own.includes(name) || parseLockName(name) !== undefined);
}

/** Removes the run folders below `parent` that were left before their run began, by processes that were killed. */
function removeLeftovers(parent: string): void {
  for (const entry of readdirSync(parent)) {
    const folder = pathsOf(join(parent, entry));
    if (!folderPattern.test(entry) || !isFolder(folder.directory) || existsSync(folder.record)) continue;
    try {
      if (!isLocked(folder.directory)) leaveRunFolder(holdRunFolder(folder));
    } catch {
      // held, gone meanwhile, or not ours to change
    }
  }
}

/** Not for a link to one. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** `logits/<split>.safetensors` of a run. Throws `ConfigError` for a split name that is no plain word. */
export function logitsPath(folder: RunFolder, split: string): string {
  if (!/^\w[\w-]*$/.test(split)) {
    throw new ConfigError(`${JSON.stringify(split)} is not the name of a split.`, {
      where: '--split',
      next: 'Use test, val or train.',
    });
  }
  return join(folder.logits, `${split}.safetensors`);
}

function pathsOf(directory: string): RunFolder {
  const at = (name: string) => join(directory, name);
  return {
    directory,
    record: at('run.json'),
    config: at('config.yaml'),
    metrics: at('metrics.jsonl'),
    metricsCsv: at('metrics.csv'),
    gradients: at('gradients.jsonl'),
    checkpoints: at('checkpoints'),
    logits: at('logits'),
  };
}

/** mkdir without `recursive` is the only call that both makes a folder and says whether another process was first. */
function makeExclusively(wanted: string): string {
  for (let copy = 1; ; copy++) {
    const path = copy === 1 ? wanted : `${wanted}-${copy}`;
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * The folder of the runs of a config, absolute. Throws `ConfigError` for a name that is no path below the folder of
 * runs.
 */
export function folderOfName(name: string, output = 'runs'): string {
  if (!isExperimentName(name)) {
    throw new ConfigError(
      `${JSON.stringify(name)} cannot name a run: it would leave the folder of runs or is no path.`,
      {
        where: 'name',
        next: `Use ${nameRule}, such as cifar100_lt/gala_if100.`,
      },
    );
  }
  return resolve(output, name);
}
