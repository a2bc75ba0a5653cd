/** A lock between processes: the kernel's flock, which a dead process cannot keep, with the owner's name in the file. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const exclusiveWithoutWaiting = 2 | 4; // LOCK_EX | LOCK_NB
const pollMilliseconds = 200;

export interface LockWatcher {
  /** Told once who holds the lock, where it has to be waited for. */
  onWait(holder: string): void;
  /** The error, with its remedy, where the file system cannot lock. */
  cannotLock(errno: number): Error;
}

/** Runs `work` while holding the lock file, after any other process that holds it. `work` is told whether it had to wait. */
export async function withLock<T>(
  path: string,
  { onWait, cannotLock }: LockWatcher,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  const file = openSync(path, 'a+', 0o644);
  try {
    const lock = await loadFlock(cannotLock);
    let waited = false;
    while (!lock(file)) {
      if (!waited) onWait(readFileSync(path, 'utf8').trim() || 'another process');
      waited = true;
      await sleep(pollMilliseconds);
    }
    ftruncateSync(file, 0);
    writeSync(file, `process ${process.pid}, since ${new Date().toISOString()}\n`);
    return await work(waited);
  } finally {
    closeSync(file);
  }
}

/** Koffi is loaded late: everything that only asks where the cache is does without it. */
async function loadFlock(cannotLock: LockWatcher['cannotLock']): Promise<(file: number) => boolean> {
  const { koffi } = await import('../koffi.js');
  const flock = koffi.load('libc.so.6').func('int flock(int file, int operation)');
  return file => {
    if (flock(file, exclusiveWithoutWaiting) === 0) return true;
    const errno = koffi.errno();
    if (errno === koffi.os.errno.EAGAIN || errno === koffi.os.errno.EINTR) return false;
    throw cannotLock(errno);
  };
}
