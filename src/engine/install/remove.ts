/** What the cache holds and takes, and how it is removed. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, StorageError } from '../../errors.js';
import { withFolderLock } from '../../io/folderLock.js';
import { compiledFolder, enginesFolder, fileSizes } from './cache.js';
import { namesIn } from './python.js';

export interface CachedItem {
  /** Name of an engine's folder, such as `tensorflow-cpu-2.21.0`, or `compiled`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

const compiledName = 'compiled';

/** The engines in the cache, whole or not, and its compiled programs. */
export function cachedItems(cache: string): CachedItem[] {
  const engines = namesIn(enginesFolder(cache))
    .filter(name => !name.startsWith('.'))
    .map(name => ({ name, path: join(enginesFolder(cache), name) }));
  const compiled = { name: compiledName, path: compiledFolder(cache) };
  return [...engines, compiled]
    .filter(({ path }) => statSync(path, { throwIfNoEntry: false })?.isDirectory())
    .map(item => ({ ...item, bytes: [...fileSizes(item.path)].reduce((sum, bytes) => sum + bytes, 0) }));
}

/**
 * Removes items by name; an engine's name may leave the version out. Waits for an installation that is at work. A process
 * that computes with an engine goes on: its files vanish when it ends. Throws `EngineError` for a name that is not there.
 */
export async function removeFromCache(
  cache: string,
  names: readonly string[],
  onWait: (holder: string) => void,
): Promise<CachedItem[]> {
  const items = cachedItems(cache);
  const chosen = names.flatMap(name => {
    const matching = items.filter(item => item.name === name || item.name.replace(/-\d[^-]*$/, '') === name);
    if (matching.length > 0) return matching;
    throw new EngineError(`There is no '${name}' in the cache.`, {
      where: cache,
      next: `There ${items.length === 0 ? 'is nothing' : `are: ${items.map(item => item.name).join(', ')}`}.`,
    });
  });
  const remove = async () => {
    for (const { path } of chosen) {
      try {
        rmSync(path, { recursive: true, force: true });
      } catch (cause) {
        throw new StorageError(`Could not remove it: ${(cause as Error).message}`, {
          where: path,
          next: 'Check the permissions of the folder.',
          cause,
        });
      }
    }
    return [...new Set(chosen)];
  };
  const hasEngines = statSync(enginesFolder(cache), { throwIfNoEntry: false }) !== undefined;
  return hasEngines ? withFolderLock(enginesFolder(cache), onWait, remove) : remove();
}
