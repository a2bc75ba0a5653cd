/**
 * Locks a folder, so that one process works in it at a time: a run, a sweep, the cache of engines, a dataset that is
 * downloaded or packed.
 *
 * Each process creates a lock file of its own, whose name identifies the process, and then looks for other lock files.
 * No process takes over a lock file of another one. So two processes cannot both get the lock, on any file system where
 * a process sees the files that were created before. The kernel's lock on the lock file tells whether its process still
 * lives (lockHolder.ts): the kernel releases the lock when the process ends.
 */
import { closeSync, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { GalaError, StorageError } from '../errors.js';
import { diskFault } from './faults.js';
import { openLocked, removeUnheld } from './kernelLock.js';
import {
  type Holder,
  isAlive,
  isOnThisMachine,
  isVisible,
  nameOfLock,
  parseLockName,
  thisProcess,
} from './lockHolder.js';

export interface FolderLock {
  /** Unlocks the folder; a second call does nothing. */
  release(): void;
}

/** A living process that holds the lock of a folder. */
export interface FolderHolder {
  readonly pid: number;
  /** Empty for a process of this machine and container, otherwise such as ` on node17`. */
  readonly place: string;
  /** Whether this process can send it a signal. */
  readonly isLocal: boolean;
  /** Path of the lock file. */
  readonly file: string;
}

const attempts = 6;
const pollMilliseconds = 200;
let made = 0;

/**
 * Locks a folder until `release` or the end of this process, also by SIGKILL. Throws `StorageError` when the folder
 * cannot be written or a living process, maybe this one, holds the lock; the error names its pid.
 */
export function lockFolder(folder: string): FolderLock {
  const lock = tryLockFolder(folder);
  if ('release' in lock) return lock;
  throw heldBy(lock, folder);
}

/**
 * Waits for the lock of a folder and runs `work` with it. Where another process holds the lock, calls `onWait` once
 * with its description.
 */
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

/** Locks a folder, or returns who holds its lock. Throws `StorageError` when the folder cannot be written. */
export function tryLockFolder(folder: string): FolderLock | FolderHolder {
  for (let attempt = 1; ; attempt++) {
    const other = clearedOfDead(folder, undefined);
    if (other) return other;
    const own = nameOfLock(thisProcess(), ++made);
    const file = announce(folder, own);
    if (file === undefined) continue; // another process took the file, not yet locked, for one of a dead process
    const rival = clearedOfDead(folder, own);
    const release = () => remove(join(folder, own), file);
    if (rival === undefined) return { release: once(release) };
    release();
    if (attempt === attempts) return rival;
    // Two processes that try at the same moment both release; unequal waits let one of them succeed.
    sleep(20 + Math.random() * 80);
  }
}

/** Whether a living process holds the lock of a folder. Deletes nothing. */
export function isLocked(folder: string): boolean {
  return liveHolderOf(folder) !== undefined;
}

/**
 * Removes the lock files of processes on other machines whose SLURM job is over by `isOver`. This process cannot see
 * whether they live, but the batch system knows that they ended.
 */
export function removeLocksOfJobs(folder: string, isOver: (job: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const holder = parseLockName(name);
    if (holder?.job && !isOnThisMachine(holder) && isOver(holder.job.id)) rmSync(join(folder, name), { force: true });
  }
}

/** The living process that holds the lock of a folder; of several, first one that this process can send a signal. */
export function liveHolderOf(folder: string): FolderHolder | undefined {
  const holders = readdirSync(folder).flatMap(name => {
    const holder = parseLockName(name);
    const file = join(folder, name);
    return holder && isAlive(holder, file) ? [describe(holder, file)] : [];
  });
  return holders.find(({ isLocal }) => isLocal) ?? holders[0];
}

/** The pid of the process that holds the lock of a folder, where this process can send it a signal. */
export function localHolder(folder: string): number | undefined {
  const holder = liveHolderOf(folder);
  return holder?.isLocal ? holder.pid : undefined;
}

/**
 * Creates a lock file and takes the kernel's lock on it. Returns its descriptor, or undefined when another process
 * removed the file before it was locked.
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
      sleep(1); // another process holds the kernel's lock for a moment, to test whether this process lives
    }
  } catch (error) {
    if (isRemoved(error, path)) return undefined;
    throw diskFault('Could not lock the folder', folder, error);
  }
}

function isRemoved(error: unknown, path: string): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' && existsSync(dirname(path));
}

/** The first lock of another living process; removes the lock files of dead processes. */
function clearedOfDead(folder: string, own: string | undefined): FolderHolder | undefined {
  try {
    for (const name of readdirSync(folder)) {
      const holder = name === own ? undefined : parseLockName(name);
      if (holder === undefined) continue;
      const file = join(folder, name);
      if (isAlive(holder, file) || !removeUnheld(file)) return describe(holder, file);
    }
    return undefined;
  } catch (error) {
    throw error instanceof GalaError ? error : diskFault('Could not lock the folder', folder, error);
  }
}

/** On a disk that became read-only the file stays, but without the kernel's lock it has no effect. */
function remove(path: string, file: number): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error that made the caller unlock the folder says more.
  }
  closeSync(file);
}

function heldBy(holder: FolderHolder, folder: string): StorageError {
  const { pid, place, isLocal, file } = holder;
  if (isLocal && pid === process.pid) {
    return new StorageError(`This process (${pid}) already works in the folder.`, {
      where: folder,
      next: 'Let one run at a time use the folder.',
    });
  }
  return new StorageError(`Process ${pid}${place} already works in this folder.`, {
    where: file,
    next: isLocal
      ? `Wait for it or stop it (kill ${pid}).`
      : 'Wait for it or stop it there; if it is not running any more, delete this file.',
  });
}

/** `process 17 on node17`. */
export function describeHolder({ pid, place }: FolderHolder): string {
  return `process ${pid}${place}`;
}

function describe(holder: Holder, file: string): FolderHolder {
  const isLocal = isVisible(holder);
  const elsewhere = isOnThisMachine(holder) ? ` in another container (${holder.host})` : ` on ${holder.host}`;
  return { pid: holder.pid, place: isLocal ? '' : elsewhere, isLocal, file };
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
