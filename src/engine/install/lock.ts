/** The lock of the cache of engines. */
import { EngineError } from '../../errors.js';
import { withLock } from '../../io/fileLock.js';

/** `withLock` on a file of the cache. Throws `EngineError` where its file system cannot lock. */
export function withCacheLock<T>(
  path: string,
  onWait: (holder: string) => void,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  const cannotLock = (errno: number) =>
    new EngineError(`The file system of the cache cannot lock files (errno ${errno}).`, {
      where: path,
      next: 'Put the cache on a local disk: set GALA_CACHE or pass --cache DIR.',
    });
  return withLock(path, { onWait, cannotLock }, work);
}
