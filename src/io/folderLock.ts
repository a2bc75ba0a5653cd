/**
 * One process works in a folder at a time: a run, a sweep, the cache of engines, a set that is downloaded or packed.
 *
 * Each contender puts down a file of its own, whose name says who it is, and then looks for others. No file is ever
 * taken over, so two processes cannot both win, on any file system that shows a new file to whoever looks afterwards.
 * Whether the process behind a file still lives is told by the kernel's lock on that file (lockHolder.ts), which no
 * dead process can keep.
 */
import { closeSync, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { GalaError, StorageError } from '../errors.js';
import { diskFault } from './diskFault.js';
import { openLocked, removeUnheld } from './kernelLock.js';
import {
  type Holder,
  isAlive,
  isOnThisMachine,
  isThisProcess,
  isVisible,
  nameOfLock,
  parseLockName,
  thisProcess,
} from './lockHolder.js';

export interface FolderLock {
  /** Gives the folder free; a second call does nothing. */
  release(): void;
}

/** A process that holds a folder, as messages and signals need it. */
export interface LiveHolder {
  readonly pid: number;
  /** Empty for a process of this machine and container, else such as ` on node17`. */
  readonly place: string;
  /** Whether the pid can be sent a signal from here. */
  readonly isLocal: boolean;
}

/** A folder that another process, or this one, holds already: by the file of its lock. */
export interface HeldFolder {
  readonly holder: Holder;
  readonly file: string;
}

const attempts = 6;
const pollMilliseconds = 200;
let made = 0;

/**
 * Locks a folder for this process, until `release` or the end of the process (SIGKILL included). Throws `StorageError`
 * naming the pid when a live process holds it, this one included, or when the folder cannot be written.
 */
export function lockFolder(folder: string): FolderLock {
  const lock = tryLockFolder(folder);
  if ('release' in lock) return lock;
  throw heldBy(lock, folder);
}

/** Runs `work` while holding the folder, after any other process that holds it; `onWait` is told once which that is. */
export async function withFolderLock<T>(
  folder: string,
  onWait: (holder: string) => void,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  let waited = false;
  let lock = tryLockFolder(folder);
  while (!('release' in lock)) {
    if (!waited) onWait(describeHolder(lock));
    waited = true;
    await pause(pollMilliseconds);
    lock = tryLockFolder(folder);
  }
  try {
    return await work(waited);
  } finally {
    lock.release();
  }
}

/** The lock, or who holds the folder. Throws `StorageError` when the folder cannot be written. */
export function tryLockFolder(folder: string): FolderLock | HeldFolder {
  for (let attempt = 1; ; attempt++) {
    const other = clearedOfDead(folder, undefined);
    if (other) return other;
    const own = nameOfLock(thisProcess(), ++made);
    const file = announce(folder, own);
    if (file === undefined) continue; // taken for one of a dead process before its lock was on it
    const rival = clearedOfDead(folder, own);
    const release = () => remove(join(folder, own), file);
    if (rival === undefined) return { release: once(release) };
    release();
    if (attempt === attempts) return rival;
    // Two that came at the same moment both step back; unequal waits let one of them through.
    sleep(20 + Math.random() * 80);
  }
}

/** Whether a live process holds the folder. Deletes nothing. */
export function isLocked(folder: string): boolean {
  return liveHolderOf(folder) !== undefined;
}

/**
 * Removes the locks that processes on other machines left in SLURM jobs that are over by `isOver`: killed without a
 * chance to clean up, they cannot be seen from here, but the batch system knows that they are gone.
 */
export function removeLocksOfJobs(folder: string, isOver: (job: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const holder = parseLockName(name);
    if (holder?.job && !isOnThisMachine(holder) && isOver(holder.job.id)) rmSync(join(folder, name), { force: true });
  }
}

/** The process that holds the folder, one that this process can signal before one elsewhere. */
export function liveHolderOf(folder: string): LiveHolder | undefined {
  const holders = readdirSync(folder).flatMap(name => {
    const holder = parseLockName(name);
    if (holder === undefined || !isAlive(holder, join(folder, name))) return [];
    return [{ pid: holder.pid, place: placeOf(holder), isLocal: isVisible(holder) }];
  });
  return holders.find(({ isLocal }) => isLocal) ?? holders[0];
}

/** The pid of the process that holds the folder, where this process can signal it. */
export function localHolder(folder: string): number | undefined {
  const holder = liveHolderOf(folder);
  return holder?.isLocal ? holder.pid : undefined;
}

/**
 * Puts down a file with the kernel's lock on it; undefined when another process removed it before the lock was on it.
 */
function announce(folder: string, name: string): number | undefined {
  const path = join(folder, name);
  try {
    closeSync(openSync(path, 'wx', 0o644));
    for (;;) {
      const file = openLocked(path);
      if (file !== undefined) {
        if (existsSync(path)) return file;
        closeSync(file);
        return undefined;
      }
      sleep(1); // held for a moment by a process that asks whether this one lives
    }
  } catch (error) {
    if (isRemoved(error, path)) return undefined;
    throw diskFault('Could not lock the folder', folder, error);
  }
}

function isRemoved(error: unknown, path: string): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' && existsSync(dirname(path));
}

/** The first other live holder; files of dead ones are removed on the way. */
function clearedOfDead(folder: string, own: string | undefined): HeldFolder | undefined {
  try {
    for (const name of readdirSync(folder)) {
      const holder = name === own ? undefined : parseLockName(name);
      if (holder === undefined) continue;
      const file = join(folder, name);
      if (isAlive(holder, file) || !removeUnheld(file)) return { holder, file };
    }
    return undefined;
  } catch (error) {
    throw error instanceof GalaError ? error : diskFault('Could not lock the folder', folder, error);
  }
}

/**
 * On a disk that became read-only the file stays: the kernel's lock is gone all the same, and without it the file
 * counts no more.
 */
function remove(path: string, file: number): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // the error for which the folder is given free says more
  }
  closeSync(file);
}

function heldBy({ holder, file }: HeldFolder, folder: string): StorageError {
  if (isThisProcess(holder)) {
    return new StorageError(`This process (${holder.pid}) already works in the run folder.`, {
      where: folder,
      next: 'Let one run at a time use the folder.',
    });
  }
  const { pid } = holder;
  const next = isVisible(holder)
    ? `Wait for it or stop it (kill ${pid}); without --resume a new run folder is made.`
    : isOnThisMachine(holder)
      ? 'Wait for it or stop it in its container; without --resume a new run folder is made.'
      : 'Stop it there; if it is not running any more, delete this file.';
  return new StorageError(`Process ${pid}${placeOf(holder)} already works in this run folder.`, { where: file, next });
}

/** `process 17 on node17`. */
export function describeHolder({ holder }: HeldFolder): string {
  return `process ${holder.pid}${placeOf(holder)}`;
}

function placeOf(holder: Holder): string {
  if (isVisible(holder)) return '';
  return isOnThisMachine(holder) ? ` in another container (${holder.host})` : ` on ${holder.host}`;
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
