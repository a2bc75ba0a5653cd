/** A lock between processes: the kernel's flock, which a dead process cannot keep, with the owner's name in the file. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../errors.js';

const exclusiveWithoutWaiting = 2 | 4; // LOCK_EX | LOCK_NB
const pollMilliseconds = 200;

/**
 * Runs `work` while holding the lock file; waits while another process holds it and says so once through `onWait`
 * (its argument describes the holder). `work` is told whether it had to wait. Throws `EngineError` where the file
 * system cannot lock.
 */
export async function withLock<T>(
  path: string,
  onWait: (holder: string) => void,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  const file = openSync(path, 'a+', 0o644);
  try {
    const lock = await loadFlock();
    let waited = false;
    while (!lock(file, path)) {
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
async function loadFlock(): Promise<(file: number, path: string) => boolean> {
  const { default: koffi } = await import('koffi');
  const flock = koffi.load('libc.so.6').func('int flock(int file, int operation)');
  return (file, path) => {
    if (flock(file, exclusiveWithoutWaiting) === 0) return true;
    const errno = koffi.errno();
    if (errno === koffi.os.errno.EAGAIN || errno === koffi.os.errno.EINTR) return false;
    throw new EngineError(`The file system of the cache cannot lock files (errno ${errno}).`, {
      where: path,
      next: 'Put the cache on a local disk: set GALA_CACHE or pass --cache DIR.',
    });
  };
}
