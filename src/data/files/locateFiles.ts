/** Finds the files of a list on disk, folder by folder, and says how to get those that are missing. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DataError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import type { PublishedSet } from '../sets/definition.js';
import { type FileTable, fileName, type ImageFiles, nameTable } from './imageFiles.js';
import type { ImageList } from './imageList.js';
import { packedArchiveAdvice } from './packedArchives.js';
import { knownForm, namesNotUtf8 } from './readableNames.js';

export interface LocatedFiles {
  readonly table: FileTable;
  /** The folders of `table` as the list writes them. */
  readonly listFolders: readonly string[];
  /** Indices of missing files, ascending. */
  readonly missing: Int32Array;
  /** Folders of the list without an existing candidate; the candidates are absolute paths. */
  readonly missingFolders: readonly { readonly folder: string; readonly candidates: readonly string[] }[];
}

/**
 * Looks into every folder of `list` below `root`. `candidatesOf` gives the places where a folder may be. The first
 * candidate with a listed file is used, or else the first that exists, or else the first. Opens no image. Throws
 * `DataError` when `root` is no folder.
 */
export function locateFiles(
  list: ImageList,
  root: string,
  candidatesOf: PublishedSet['candidatesOf'] = folder => [folder],
): LocatedFiles {
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

/**
 * The error for a split with missing files: how many, the first one or the folders where gala looked, and which archive
 * has them.
 */
export function missingImages(
  split: string,
  { files, located }: { readonly files: ImageFiles; readonly located: LocatedFiles },
  root: string,
  set: PublishedSet | undefined,
): DataError {
  const { missing, missingFolders, listFolders, table } = located;
  const first = missingFolders[0];
  const folder = listFolders[table.folderOf[missing[0]!]!]!;
  const folders = missingFolders.length > 0 ? `, and ${missingFolders.length} of their folders do not exist` : '';
  const [one, ...others] = first?.candidates ?? [files.path(missing[0]!)];
  const unreadable = namesNotUtf8(dirname(one!));
  return new DataError(`${missing.length} of the ${files.length} ${split} images are missing${folders}.`, {
    where: others.length > 0 ? `neither ${one} nor ${others.join(' nor ')} exists` : `the first: ${one}`,
    next:
      `${unreadable === undefined ? '' : `${unreadable} `}${archiveAdvice(root, folder, set)} ` +
      `\`${verifyCommand(root, set)}\` lists every missing file.`,
  });
}

/** The command that checks every image of a set. */
export function verifyCommand(root: string, set: PublishedSet | undefined): string {
  return `gala data verify ${set === undefined ? '--config CONFIG' : set.name} --data ${shellWord(root)}`;
}

/** Which wrong archive is in `root`, and which archive has a folder of the list. */
export function archiveAdvice(root: string, folder: string, set: PublishedSet | undefined): string {
  const packed = packedArchiveAdvice(root);
  if (set === undefined)
    return packed ?? 'Correct the list, or data.root (--data): the paths of a list are relative to it.';
  const telltale = set.telltales.find(({ entry }) => existsSync(join(root, entry)));
  const says = telltale?.says ?? packed;
  return `${says ? `${says} ` : ''}${set.archiveOf(folder)}.`;
}

/** `path` with its accents in the Unicode form of the path on disk, where it exists in another form. */
function onDisk(path: string): string {
  const isPlain = path.normalize('NFD') === path;
  return isPlain && path.normalize('NFC') === path ? path : (knownForm(path, existsSync) ?? path);
}

/** The list with the names of `renamed` at their indices. */
function withNames(list: ImageList, renamed: ReadonlyMap<number, string>): ImageList {
  const names = Array.from(list.labels, (_, i) => Buffer.from(renamed.get(i) ?? fileName(list, i)));
  return { ...list, ...nameTable(names) };
}

/** Throws `DataError` when `root` is no folder. `downloaded` names a set that gala can download. */
export function requireFolder(root: string, downloaded?: string): void {
  const path = resolve(root);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const isFile = existsSync(path);
  const fetch =
    downloaded &&
    `Fetch the images: gala data download ${downloaded} --data ${shellWord(isFile ? dirname(path) : root)}. `;
  throw new DataError(
    isFile ? 'This is a file, not the folder of the images.' : 'The folder of the images is not there.',
    {
      where: path,
      next:
        packedArchiveAdvice(root) ??
        `${fetch ?? ''}Name the folder that holds the images with --data DIR, the environment variable GALA_DATA or ` +
          'data.root in the config.',
    },
  );
}

/** Reads names in folders. Keeps some results, because folders can share a candidate, such as a flat `val`. */
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

/** Indices of the files of each folder, ascending: one counting sort takes less memory than a list for each folder. */
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
