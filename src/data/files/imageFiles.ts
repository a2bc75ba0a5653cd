/**
 * The files of an image set by index. All names are in one buffer, because a million strings would take much memory.
 */
import { sha256 } from '../../io/hash.js';
import { gathered, indexHash, sharedBytes, sharedInt32 } from '../dataset.js';

/** The paths of files: plain data over shared memory, which worker threads receive without a copy. */
export interface FileTable {
  /** Absolute folders. */
  readonly folders: readonly string[];
  /** Index into `folders` of file `i`. */
  readonly folderOf: Int32Array;
  /** UTF-8 bytes of all names. */
  readonly nameBytes: Uint8Array;
  /** First byte of the name of file `i`. */
  readonly nameStarts: Int32Array;
  /** Number of bytes of the name of file `i`. */
  readonly nameLengths: Uint8Array;
}

/** The files and labels of one split of an image set. Nothing here opens a file. */
export interface ImageFiles {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Number of images. */
  readonly length: number;
  /** Class of each image, in [0, classNames.length), over shared memory. */
  readonly labels: Int32Array;
  /** Absolute path of image `i`. */
  path(i: number): string;
  /** sha256 (hex) of the names and labels in order, which does not depend on the folder of the images. */
  readonly fingerprint: string;
  /** For worker threads: `filePath(table, i)` is `path(i)`. */
  readonly table: FileTable;
}

export function imageFiles(
  parts: Pick<ImageFiles, 'name' | 'classNames' | 'labels' | 'fingerprint' | 'table'>,
): ImageFiles {
  return { ...parts, length: parts.labels.length, path: i => filePath(parts.table, i) };
}

/** Absolute path of file `i`. Throws `RangeError`. */
export function filePath(table: FileTable, i: number): string {
  const folder = table.folders[table.folderOf[i] ?? -1];
  if (folder === undefined) throw new RangeError(`There is no file ${i}: the table has ${table.folderOf.length}.`);
  return `${folder}/${fileName(table, i)}`;
}

/** Name of file `i` without its folder. */
export function fileName({ nameBytes, nameStarts, nameLengths }: Omit<FileTable, 'folders'>, i: number): string {
  const start = nameStarts[i]!;
  return Buffer.from(nameBytes.buffer, nameBytes.byteOffset + start, nameLengths[i]!).toString('utf8');
}

/** The images at `indices`, in this order, with the same buffer of names. Throws `RangeError`. */
export function subsetOfFiles(files: ImageFiles, indices: Int32Array): ImageFiles {
  const { table, name, classNames } = files;
  for (const index of indices) {
    if (index < 0 || index >= files.length)
      throw new RangeError(`Index ${index} is outside of ${name}, which has ${files.length} images.`);
  }
  return imageFiles({
    name,
    classNames,
    labels: gathered(files.labels, indices),
    fingerprint: sha256(files.fingerprint, indexHash(indices)),
    table: tableAt(table, indices),
  });
}

/** The files of a table at `indices`, in this order, with the same buffer of names. */
export function tableAt({ folders, folderOf, nameBytes, nameStarts, nameLengths }: FileTable, indices: Int32Array) {
  const lengths = sharedBytes(indices.length);
  indices.forEach((index, i) => {
    lengths[i] = nameLengths[index]!;
  });
  const starts = gathered(nameStarts, indices);
  return { folders, folderOf: gathered(folderOf, indices), nameBytes, nameStarts: starts, nameLengths: lengths };
}

/** Names, in UTF-8, in one buffer. */
export function nameTable(names: readonly Uint8Array[]): Pick<FileTable, 'nameBytes' | 'nameStarts' | 'nameLengths'> {
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
  return { nameBytes, nameStarts, nameLengths };
}
