/** `runs/<config name>/<UTC time>-<seed>/`: each run makes a folder of its own, which later commands open again. */
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
 * Makes a new run folder with `checkpoints/` and `logits/`, which this process holds from the beginning. Processes that
 * call this function in the same second get different folders (`…-<seed>`, `…-<seed>-2`, …). Folders of the same
 * config whose process was killed before the run began are removed. Throws `ConfigError` for an unusable name,
 * `StorageError` for the disk.
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

/** Undefined where another process took the folder for a leftover and removed it before it was locked. */
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

/** Opens an existing run folder. Throws `StorageError` for another folder. */
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
 * Locks a run folder for this process and removes the temporary files that a killed process left. Only the holder may
 * write to the folder. Throws `StorageError` where another process holds it.
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
 * Releases the folder, and removes it where no run began: it has no run.json and only what a run writes before. A
 * folder that holds more, or cannot be read, stays as it is.
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

/** Removes the run folders in `parent` whose process was killed before the run began. */
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

/** False for a link to a folder. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** `logits/<split>.safetensors` of a run. Throws `ConfigError` for a split that is not a plain word. */
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

/** Only mkdir without `recursive` both makes a folder and tells whether another process was first. */
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
 * The folder of the runs of a config, absolute. Throws `ConfigError` for a name that leads out of the folder of runs.
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

/** The folder of runs, absolute, in which a run of this config name has its folder. */
export function runsFolderOf({ directory }: RunFolder, name: string): string {
  return resolve(directory, '..', ...name.split('/').map(() => '..'));
}
