/** Lists what the cache holds, and removes engines and compiled programs from it. Files of others stay. */
import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError, GalaError, StorageError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { withFolderLock } from '../../io/folderLock.js';
import { refuseLinksBelow } from '../../io/makeFolder.js';
import {
  bytesBelow,
  compiledFolder,
  compiledNames,
  enginesFolder,
  fileSizes,
  manifestName,
  readManifest,
} from './cache.js';
import { namesIn } from './python.js';

export interface CachedItem {
  /** Name of an engine's folder, such as `tensorflow-cpu-2.21.0`, or `compiled`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

export interface RemovedItem extends CachedItem {
  /** Number of files in the folder that are not gala's: they stay. */
  readonly left: number;
}

const compiledItem = 'compiled';

/** The engines in the cache, whole or not, and the compiled programs as one item. */
export function cachedItems(cache: string): CachedItem[] {
  const engines = namesIn(enginesFolder(cache))
    .map(name => ({ name, path: join(enginesFolder(cache), name) }))
    .filter(({ path }) => isOwnFolder(path) && readManifest(path) !== undefined);
  const compiled = { name: compiledItem, path: compiledFolder(cache) };
  const hasCompiled = isOwnFolder(compiled.path) && compiledNames(compiled.path).length > 0;
  return [...engines, ...(hasCompiled ? [compiled] : [])].map(item => ({ ...item, bytes: bytesBelow(item.path) }));
}

/**
 * Removes items by name; the name of an engine may leave out the version. Waits for an installation that is at work. A
 * process that computes with a removed engine goes on: the system keeps its files until the process ends. Throws
 * `EngineError` for an unknown name, `StorageError` for a link in the place of a folder and for faults of the disk.
 */
export async function removeFromCache(
  cache: string,
  names: readonly string[],
  onWait: (holder: string) => void,
): Promise<RemovedItem[]> {
  const items = cachedItems(cache);
  const chosen = names.flatMap(name => {
    const matching = items.filter(item => item.name === name || item.name.replace(/-\d[^-]*$/, '') === name);
    if (matching.length > 0) return matching;
    throw new EngineError(`There is no '${name}' in the cache.`, {
      where: cache,
      next:
        items.length === 0
          ? 'The cache is empty: there is nothing to remove.'
          : `Give one of these names: ${items.map(item => item.name).join(', ')}`,
    });
  });
  for (const { path } of chosen) refuseLinksBelow(cache, ...path.slice(cache.length + 1).split('/'));
  const remove = async () =>
    [...new Set(chosen)].map(item => {
      const left = removeItem(item);
      return { ...item, bytes: item.bytes - bytesBelow(item.path), left };
    });
  const hasEngines = isOwnFolder(enginesFolder(cache));
  return hasEngines ? withFolderLock(enginesFolder(cache), onWait, remove) : remove();
}

/** Removes gala's files from a folder, and the folder if nothing is left in it. Returns the number of files left. */
function removeItem({ name, path }: CachedItem): number {
  // The manifest last: an engine that is removed only in part is still known as an engine.
  const files =
    name === compiledItem ? compiledNames(path) : [...Object.keys(readManifest(path)?.files ?? {}), manifestName];
  try {
    for (const file of files) {
      const folders = dirname(file).split('/');
      refuseLinksBelow(path, ...folders.filter(part => part !== '.'));
      rmSync(join(path, file), { force: true });
    }
    removeEmptyFolders(path);
  } catch (cause) {
    if (cause instanceof GalaError) throw cause;
    throw new StorageError(`The folder could not be removed: ${reasonOf(cause)}`, {
      where: path,
      next: 'Check the permissions of the folder.',
      cause,
    });
  }
  return fileSizes(path).length;
}

function removeEmptyFolders(path: string): void {
  const entries = readdirSync(path, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) removeEmptyFolders(join(path, entry.name));
  if (readdirSync(path).length === 0) rmdirSync(path);
}

/** Whether a path is a folder, and not a link to one. */
function isOwnFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
