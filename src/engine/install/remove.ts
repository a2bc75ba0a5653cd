/** What the cache holds and takes, and how it is removed: file by file, as the manifests name them. */
import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError, GalaError, StorageError } from '../../errors.js';
import { withFolderLock } from '../../io/folderLock.js';
import { refuseLinksBelow } from '../../io/ownFolder.js';
import { compiledNames } from '../pjrt/compiledNames.js';
import { compiledFolder, enginesFolder, fileSizes, manifestName, readManifest } from './cache.js';
import { namesIn } from './python.js';

export interface CachedItem {
  /** Name of an engine's folder, such as `tensorflow-cpu-2.21.0`, or `compiled`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

export interface RemovedItem extends CachedItem {
  /** Files in the folder that gala did not put there: they stay. */
  readonly left: number;
}

const compiledName = 'compiled';

/** The engines in the cache, whole or not, and its compiled programs. */
export function cachedItems(cache: string): CachedItem[] {
  const engines = namesIn(enginesFolder(cache))
    .map(name => ({ name, path: join(enginesFolder(cache), name) }))
    .filter(({ path }) => isOwnFolder(path) && readManifest(path) !== undefined);
  const compiled = { name: compiledName, path: compiledFolder(cache) };
  const hasCompiled = isOwnFolder(compiled.path) && compiledNames(compiled.path).length > 0;
  return [...engines, ...(hasCompiled ? [compiled] : [])].map(item => ({ ...item, bytes: bytesIn(item.path) }));
}

/**
 * Removes items by name; an engine's name may leave the version out. Waits for an installation that is at work. A
 * process that computes with an engine goes on: its files vanish when it ends. Throws `EngineError` for a name that is
 * not there, `StorageError` for a link in place of a folder, and for the disk.
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
      next: `There ${items.length === 0 ? 'is nothing' : `are: ${items.map(item => item.name).join(', ')}`}.`,
    });
  });
  for (const { path } of chosen) refuseLinksBelow(cache, ...path.slice(cache.length + 1).split('/'));
  const remove = async () =>
    [...new Set(chosen)].map(item => {
      const left = removeItem(item);
      return { ...item, bytes: item.bytes - bytesIn(item.path), left };
    });
  const hasEngines = isOwnFolder(enginesFolder(cache));
  return hasEngines ? withFolderLock(enginesFolder(cache), onWait, remove) : remove();
}

/** Removes what gala put into a folder, and the folder if it is empty then. Returns the number of files that stay. */
function removeItem({ name, path }: CachedItem): number {
  const files = name === compiledName ? compiledNames(path) : filesOfEngine(path);
  try {
    for (const file of files) {
      refuseLinksBelow(
        path,
        ...dirname(file)
          .split('/')
          .filter(part => part !== '.'),
      );
      rmSync(join(path, file), { force: true });
    }
    removeEmptyFolders(path);
  } catch (cause) {
    if (cause instanceof GalaError) throw cause;
    throw new StorageError(`Could not remove it: ${(cause as Error).message}`, {
      where: path,
      next: 'Check the permissions of the folder.',
      cause,
    });
  }
  return [...fileSizes(path)].length;
}

/** The manifest last: an engine that is removed in part is still known as one. */
function filesOfEngine(path: string): string[] {
  return [...Object.keys(readManifest(path)?.files ?? {}), manifestName];
}

function removeEmptyFolders(path: string): void {
  const entries = readdirSync(path, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) removeEmptyFolders(join(path, entry.name));
  if (readdirSync(path).length === 0) rmdirSync(path);
}

function isOwnFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function bytesIn(folder: string): number {
  return [...fileSizes(folder)].reduce((sum, bytes) => sum + bytes, 0);
}
