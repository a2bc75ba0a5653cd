/**
 * The kernel's lock on an open file (flock). It ends with the process that holds it, whatever ends the process, and
 * every container of the machine sees it.
 */
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { loadKoffi } from './koffi.js';

type Flock = (file: number, operation: number) => 'taken' | 'held' | 'unsupported';

const shared = 1;
const exclusive = 2;
const withoutWaiting = 4;
let loaded: Flock | undefined;

/**
 * Opens a file with its lock taken, or without where the file system has no such locks; undefined when another process
 * holds it. Throws the system's error where it cannot be opened.
 */
export function openLocked(path: string): number | undefined {
  loaded ??= loadFlock();
  // A file that is open for writing keeps its disk from being remounted read-only; NFS locks no other.
  const forReading = openSync(path, 'r');
  const answer = loaded(forReading, exclusive | withoutWaiting);
  if (answer === 'taken') return forReading;
  closeSync(forReading);
  if (answer === 'held') return undefined;
  const forWriting = openSync(path, 'r+');
  if (loaded(forWriting, exclusive | withoutWaiting) !== 'held') return forWriting;
  closeSync(forWriting);
  return undefined;
}

/**
 * Whether a process holds the lock of a file; undefined where that cannot be told: no such locks, no permission to
 * read.
 */
export function isFileHeld(path: string): boolean | undefined {
  const answer = probe(path, () => undefined);
  return answer === 'unknown' ? undefined : answer === 'held';
}

/**
 * Removes a file unless a process holds its lock, and keeps the lock meanwhile: nobody can take it in between. False
 * for a held one.
 */
export function removeUnheld(path: string): boolean {
  const remove = () => rmSync(path, { force: true });
  const answer = probe(path, remove);
  if (answer === 'unknown') remove();
  return answer !== 'held';
}

/** Calls `whileFree` with the lock of a file taken for a moment, if no process holds it. */
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

/** Only commands that meet a lock load Koffi. */
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
