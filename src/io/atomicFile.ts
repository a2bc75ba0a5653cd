/** Writes that survive a crash. Atomic ones: temporary file → fsync → rename → fsync of the folder. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFault } from './faults.js';
import { notRegular, openForWriting } from './regularFile.js';
import { waitsFor } from './waiting.js';

/** Temporary files have a random part in their name, so that two writers never share one. */
const temporaryName = /^(.+)\.[0-9a-f]{12}\.tmp$/;
/** The files that gala replaces in run folders and packed sets. Only their temporary files are gala's to delete. */
const ownNames: readonly RegExp[] = [
  /^(run\.json|config\.yaml|report\.html)$/,
  /^(metrics|gradients)\.jsonl$/,
  /^(metrics|table|per_class|predictions)\.csv$/,
  /^table\.md$/,
  /^events\.out\.tfevents\.\d+\.gala$/,
  /^(best|last|last\.previous|(test|val|train)-(best|last))\.safetensors$/,
  /^(pack\.json|\d{5,}\.(rgb|json))$/,
];
const largestWrite = 2 ** 30;

type Chunks = readonly (string | Uint8Array)[];

/**
 * Replaces `path` by the concatenation of `chunks`; a crash leaves either the old or the new file. Throws
 * `StorageError`, also where `path` is a pipe, a device or a socket, or a link to one.
 */
export function writeFileAtomic(path: string, ...chunks: Chunks): void {
  replaceFile(path, chunks, () => {});
}

/**
 * As `writeFileAtomic`, but keeps the old file as `previous`. The old file is renamed only when the new one is whole on
 * disk: a full disk changes neither file, and after a crash the old file has one of the two names. Throws
 * `StorageError`.
 */
export function writeFileKeeping(path: string, previous: string, ...chunks: Chunks): void {
  replaceFile(path, chunks, () => {
    if (existsSync(path)) renameSync(path, previous);
  });
}

function replaceFile(path: string, chunks: Chunks, beforeRename: () => void): void {
  waitsFor(`${path} to be written`);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o644);
    try {
      refuseSpecialFile(path);
      for (const chunk of chunks) writeFully(file, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    beforeRename();
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    removeIfPossible(temporary);
    throw diskFault('Could not write the file', path, error);
  }
}

/**
 * Appends `content` in a single write and syncs the file, so that a crash cuts off at most this end; makes the file
 * where it is missing. Throws the system's errors.
 */
export function appendSynced(path: string, content: string | Uint8Array): void {
  waitsFor(`${path} to be written`);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const file = openForWriting(path, 'append');
  try {
    const isNew = fstatSync(file).size === 0;
    const written = writeSync(file, bytes);
    if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes went to disk`);
    fsyncSync(file);
    if (isNew) syncFolder(dirname(path));
  } finally {
    closeSync(file);
  }
}

/** Without this check, the rename would replace /dev/null itself by a file. */
function refuseSpecialFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isFile() && !stats.isDirectory()) throw notRegular();
}

/**
 * Removes the temporary files that a killed `writeFileAtomic` left in a run folder or a packed set. Call it only for a
 * folder that no other process writes to.
 */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, file] = temporaryName.exec(name) ?? [];
    if (file !== undefined && ownNames.some(pattern => pattern.test(file))) removeIfPossible(join(folder, name));
  }
}

/** Makes a new name in a folder survive a power cut, on file systems that can sync a folder. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  } finally {
    closeSync(handle);
  }
}

function writeFully(file: number, bytes: Uint8Array): void {
  let offset = 0;
  // The operating system writes less than 2 GiB in one call.
  while (offset < bytes.byteLength) {
    offset += writeSync(file, bytes, offset, Math.min(bytes.byteLength - offset, largestWrite));
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The caller throws the error of the write, which says more.
  }
}
