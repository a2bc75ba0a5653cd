/** Finds the folders that a list names on disk, once per folder, and which of the listed files they lack. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DataError } from '../../errors.js';
import { sharedBytes, sharedInt32 } from '../pipeline/sharedDataset.js';
import { type FileTable, fileName } from './imageFiles.js';
import type { ImageList } from './imageList.js';
import { packedArchiveAdvice } from './packedArchives.js';
import { knownForm } from './readableNames.js';

/** Places below the root where a folder of the list may be, the likeliest first. */
export type FolderCandidates = (folder: string) => readonly string[];

export interface LocatedFiles {
  readonly table: FileTable;
  /** The folders of `table` as the list has them. */
  readonly listFolders: readonly string[];
  /** Indices of files that are not there, ascending. */
  readonly missing: Int32Array;
  /** Folders of the list of which no candidate exists, with the candidates as absolute paths. */
  readonly missingFolders: readonly { readonly folder: string; readonly candidates: readonly string[] }[];
}

/**
 * Looks into every folder of `list` below `root`. Of several candidates the first that holds a listed file is taken,
 * else the first that exists, else the first. Reads folders, opens no image. Throws `DataError` when the root is no
 * folder.
 */
export function locateFiles(list: ImageList, root: string, candidatesOf: FolderCandidates = only): LocatedFiles {
  requireFolder(root);
  const contents = folderReader();
  const missing: number[] = [];
  const missingFolders: { folder: string; candidates: string[] }[] = [];
  const members = filesByFolder(list);
  const renamed = new Map<number, string>();
  const folders = list.folders.map((folder, index) => {
    const candidates = candidatesOf(folder).map(candidate => onDisk(resolve(root, candidate)));
    const indices = members(index);
    let chosen: { path: string; lacking: number[] } | undefined;
    for (const [position, path] of candidates.entries()) {
      const names = contents(path, position > 0);
      if (names === undefined) continue;
      const lacking: number[] = [];
      for (const i of indices) {
        const name = fileName(list, i);
        if (names.has(name)) continue;
        const other = knownForm(name, form => names.has(form));
        if (other === undefined) lacking.push(i);
        else renamed.set(i, other);
      }
      if (chosen === undefined || lacking.length < indices.length) chosen = { path, lacking };
      if (lacking.length < indices.length) break;
    }
    if (chosen === undefined) {
      missingFolders.push({ folder, candidates });
      for (const i of indices) missing.push(i);
      return candidates[0]!;
    }
    for (const i of chosen.lacking) missing.push(i);
    return chosen.path;
  });
  return {
    table: { ...(renamed.size > 0 ? withNames(list, renamed) : list), folders },
    listFolders: list.folders,
    missing: Int32Array.from(missing).sort(),
    missingFolders,
  };
}

/** A path with its accents as they are written on disk, where it is there in another form than `path`. */
function onDisk(path: string): string {
  const isPlain = path.normalize('NFD') === path;
  return isPlain && path.normalize('NFC') === path ? path : (knownForm(path, existsSync) ?? path);
}

/** The names of a list with those of `renamed` in their place. */
function withNames(list: ImageList, renamed: ReadonlyMap<number, string>): ImageList {
  const names = Array.from(list.labels, (_, i) => Buffer.from(renamed.get(i) ?? fileName(list, i)));
  const nameBytes = sharedBytes(names.reduce((sum, name) => sum + name.length, 0));
  const nameStarts = sharedInt32(names.length);
  const nameLengths = sharedBytes(names.length);
  let filled = 0;
  names.forEach((name, i) => {
    nameBytes.set(name, filled);
    nameStarts[i] = filled;
    nameLengths[i] = name.length;
    filled += name.length;
  });
  return { ...list, nameBytes, nameStarts, nameLengths };
}

function only(folder: string): readonly string[] {
  return [folder];
}

function requireFolder(root: string): void {
  const path = resolve(root);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new DataError(existsSync(path) ? 'The images are not in a folder.' : 'The folder of the images is not there.', {
    where: path,
    next:
      packedArchiveAdvice(root) ??
      'Name the folder that holds the images with --data DIR, the environment variable GALA_DATA or ' +
        'data.root in the config.',
  });
}

/** Names in a folder; the last ones are kept where folders share a candidate, such as a flat `val`. */
function folderReader(): (path: string, keep: boolean) => ReadonlySet<string> | undefined {
  const kept = new Map<string, ReadonlySet<string> | undefined>();
  return (path, keep) => {
    if (kept.has(path)) return kept.get(path);
    const names = namesIn(path);
    if (keep) {
      kept.set(path, names);
      if (kept.size > 4) kept.delete(kept.keys().next().value!);
    }
    return names;
  };
}

function namesIn(path: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new DataError(`The folder could not be read: ${message}`, { where: path, next: 'Check its permissions.' });
  }
}

/** Indices of the files of each folder, ascending: one counting sort instead of a list per folder. */
function filesByFolder({ folders, folderOf }: ImageList): (folder: number) => Int32Array {
  const ends = new Int32Array(folders.length + 1);
  for (const folder of folderOf) ends[folder + 1]!++;
  for (let f = 0; f < folders.length; f++) ends[f + 1]! += ends[f]!;
  const order = new Int32Array(folderOf.length);
  const filled = ends.slice();
  folderOf.forEach((folder, i) => {
    order[filled[folder]!++] = i;
  });
  return folder => order.subarray(ends[folder], ends[folder + 1]);
}
