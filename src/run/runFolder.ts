/** `runs/<config name>/<UTC time>-<seed>/`: made exclusively, opened again for `--resume`, `eval` and `report`. */
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isExperimentName, nameRule } from '../config/experimentName.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { removeTemporaries } from '../io/atomicFile.js';
import { diskFault } from '../io/diskFault.js';
import { makeFolderBelow, refuseLinksBelow } from '../io/ownFolder.js';
import { isLocked, lockFolder, type RunLock } from './lock.js';
import { readRecord } from './record.js';

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
  /** Folder that holds all runs; `runs` below the current one by default. */
  readonly output?: string | undefined;
  /** Name of the config, e.g. `cifar100_lt/gala_if100`. */
  readonly name: string;
  readonly seed: number;
}

const folderPattern = /^\d{8}-\d{6}-\d+(-\d+)?$/;

/**
 * Makes a new run folder with `checkpoints/` and `logits/`. However many processes call it in the same second, each gets a
 * folder of its own (`…-<seed>`, `…-<seed>-2`, …). Throws `ConfigError` for an unusable name, `StorageError` for the disk.
 */
export function createRunFolder({ output, name, seed }: NewRunFolder): RunFolder {
  const parent = folderOfName(name, output);
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .replace('T', '-');
  try {
    makeFolderBelow(resolve(output ?? 'runs'), ...name.split('/'));
    const folder = pathsOf(makeExclusively(join(parent, `${stamp}-${seed}`)));
    mkdirSync(folder.checkpoints);
    mkdirSync(folder.logits);
    return folder;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw withRemedy(diskFault('Could not make a run folder', parent, error), 'Or choose another place with --output.');
  }
}

/** Opens an existing run folder. Throws `StorageError` when it is none. */
export function openRunFolder(directory: string): RunFolder {
  const folder = pathsOf(resolve(directory));
  if (!statSync(folder.record, { throwIfNoEntry: false })?.isFile()) {
    const isFolder = statSync(folder.directory, { throwIfNoEntry: false })?.isDirectory();
    throw new StorageError(isFolder ? 'This is not a run folder: it has no run.json.' : 'There is no such folder.', {
      where: folder.directory,
      next: 'Give the folder named after time and seed, e.g. runs/cifar100_lt/gala_if100/20260102-030405-0.',
    });
  }
  return folder;
}

/**
 * Takes a run folder for this process and clears the temp files that a killed one left. Only the holder may write to it.
 * Throws `StorageError` naming the process that holds it.
 */
export function lockRunFolder(folder: RunFolder): RunLock {
  refuseLinksBelow(folder.directory, 'checkpoints');
  refuseLinksBelow(folder.directory, 'logits');
  const lock = lockFolder(folder.directory);
  try {
    for (const place of [folder.directory, folder.checkpoints, folder.logits]) {
      mkdirSync(place, { recursive: true });
      removeTemporaries(place);
    }
  } catch (error) {
    lock.release();
    throw diskFault('Could not prepare the run folder', folder.directory, error);
  }
  return lock;
}

/**
 * Removes a folder in which nothing began: it has no run.json and nothing but what `createRunFolder` and a config put there.
 * A folder that holds more, or cannot be looked at, is left alone.
 */
export function removeUnbegunRun(folder: RunFolder): void {
  try {
    if (statSync(folder.record, { throwIfNoEntry: false })) return;
    rmdirSync(folder.checkpoints);
    rmdirSync(folder.logits);
    rmSync(folder.config, { force: true });
    rmdirSync(folder.directory);
  } catch {
    // not empty, gone, or not ours to remove
  }
}

/**
 * The run of this config that was started last, can go on (running when killed, interrupted or failed: not finished, not
 * diverged) and is held by no live process; undefined when there is none. Folders with an unreadable run.json are passed over.
 */
export function findLatestUnfinishedRun(name: string, output?: string): RunFolder | undefined {
  const parent = folderOfName(name, output);
  const candidates: { folder: RunFolder; startedAt: string }[] = [];
  refuseLinksBelow(resolve(output ?? 'runs'), ...name.split('/'));
  for (const entry of listFolder(parent)) {
    if (!folderPattern.test(entry)) continue;
    const folder = pathsOf(join(parent, entry));
    try {
      const { status, started_at } = readRecord(folder.record);
      if (status === 'finished' || status === 'diverged' || isLocked(folder.directory)) continue;
      candidates.push({ folder, startedAt: started_at });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }
  candidates.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  return candidates[0]?.folder;
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

function folderOfName(name: string, output = 'runs'): string {
  if (!isExperimentName(name)) {
    throw new ConfigError(
      `${JSON.stringify(name)} cannot name a run: it would leave the output folder or is no path.`,
      {
        where: 'name',
        next: `Use ${nameRule}, such as cifar100_lt/gala_if100.`,
      },
    );
  }
  return resolve(output, name);
}

/** Names of the folders in a folder; links are none. */
function listFolder(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw diskFault('Could not list the runs', path, error);
  }
}
