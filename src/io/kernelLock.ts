/**
 * The kernel's lock on an open file (flock). The kernel releases it when the process ends, for any reason. All
 * containers of a machine see it.
 */
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { loadKoffi } from './koffi.js';

type Flock = (file: number, operation: number) => 'taken' | 'held' | 'unsupported';

const shared = 1;
const exclusive = 2;
const withoutWaiting = 4;
let loaded: Flock | undefined;

/**
 * Opens a file and takes its lock; opens it without a lock where the file system has no locks. Returns undefined when
 * another process holds the lock. Throws the system's error where the file cannot be opened.
 */
export function openLocked(path: string): number | undefined {
  loaded ??= loadFlock();
  // First for reading, because a disk with a file that is open for writing cannot be remounted read-only.
  const forReading = openSync(path, 'r');
  const answer = loaded(forReading, exclusive | withoutWaiting);
  if (answer === 'taken') return forReading;
  closeSync(forReading);
  if (answer === 'held') return undefined;
  const forWriting = openSync(path, 'r+'); // NFS locks no other files
  if (loaded(forWriting, exclusive | withoutWaiting) !== 'held') return forWriting;
  closeSync(forWriting);
  return undefined;
}

/** Whether a process holds the lock of a file; undefined where there are no locks or no permission to read. */
export function isFileHeld(path: string): boolean | undefined {
  const answer = probe(path, () => undefined);
  return answer === 'unknown' ? undefined : answer === 'held';
}

/** Removes a file unless a process holds its lock; holds the lock meanwhile. Returns whether the file was removed. */
export function removeUnheld(path: string): boolean {
  const remove = () => rmSync(path, { force: true });
  const answer = probe(path, remove);
  if (answer === 'unknown') remove();
  return answer !== 'held';
}

/** Takes the lock of a file for a moment and calls `whileFree`, unless a process holds the lock. */
function probe(path: string, whileFree: () => void): 'held' | 'free' | 'unknown' {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'free' : 'unknown';
  }
  try {
    loaded ??= loadFlock();
    const answer = loaded(file, shared | withoutWaiting);
    if (answer === 'taken') whileFree();
    return answer === 'taken' ? 'free' : answer === 'held' ? 'held' : 'unknown';
  } finally {
    closeSync(file);
  }
}

/** Loads Koffi, which only commands that need a lock do. */
function loadFlock(): Flock {
  try {
    const koffi = loadKoffi();
    const flock = koffi.load('libc.so.6').func('int flock(int file, int operation)');
    const { EAGAIN, EINTR } = koffi.os.errno;
    return (file, operation) => {
      for (;;) {
        if (flock(file, operation) === 0) return 'taken';
        const errno = koffi.errno();
        if (errno !== EINTR) return errno === EAGAIN ? 'held' : 'unsupported';
      }
    };
  } catch {
    return () => 'unsupported';
  }
}
