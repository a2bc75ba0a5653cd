/** Run folders below a folder, however deep. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../errors.js';

/**
 * Run folders at or below each of the paths, sorted by path within each, every folder once. Nothing inside a run folder is
 * looked at. `runs/*` names files and folders without runs too: `onNone` is told of each. Throws `StorageError` for a path that
 * is not there, and where no path holds a run.
 */
export function findRunFolders(paths: readonly string[], onNone: (path: string) => void = () => undefined): string[] {
  const found = new Map<string, string>();
  const none: string[] = [];
  for (const path of paths) {
    const folders = runFoldersBelow(path);
    if (folders.length === 0) none.push(path);
    for (const folder of folders) {
      const real = realpathSync(folder);
      if (!found.has(real)) found.set(real, folder);
    }
  }
  if (found.size === 0) {
    throw new StorageError('There is no run here: no folder with a run.json.', {
      where: none.join(', '),
      next: 'Give a run folder or a folder of runs, such as runs/cifar100_lt.',
    });
  }
  for (const path of none) onNone(path);
  return [...found.values()];
}

function runFoldersBelow(folder: string): string[] {
  if (existsSync(join(folder, 'run.json'))) return [folder];
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) return [];
  return subfolders(folder).flatMap(name => runFoldersBelow(join(folder, name)));
}

/** Links are not followed: they may lead in a circle. */
function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StorageError(
      isMissing ? 'There is no such folder.' : `Could not list the runs: ${(error as Error).message}`,
      {
        where: folder,
        next: 'Give a run folder or a folder of runs, such as runs/cifar100_lt.',
        cause: error,
      },
    );
  }
}
