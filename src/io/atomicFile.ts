/** Writes that are either wholly there or not there: temp file → fsync → rename → fsync of the folder. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFault } from './diskFault.js';
import { notRegular } from './openForWriting.js';
import { waitsFor } from './waiting.js';
import { isWrittenName } from './writtenNames.js';

/** The file of a temp file, which has a random part in its name, so that no two writers ever share one. */
const temporaryName = /^(.+)\.[0-9a-f]{12}\.tmp$/;
const largestWrite = 2 ** 30;

type Chunks = readonly (string | Uint8Array)[];

/**
 * Replaces `path` by the concatenation of `chunks`; a crash leaves either the old or the new file. Throws
 * `StorageError`, also where `path` is, or leads to, a pipe, a device or a socket.
 */
export function writeFileAtomic(path: string, ...chunks: Chunks): void {
  replaceFile(path, chunks, () => {});
}

/**
 * The same, with the old file kept as `previous`. It is set aside only when the new one is whole on disk: what a full
 * disk interrupts leaves both names as they were, and a crash leaves the old file under one of the two. Throws
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

/** The rename would put a file in the place of /dev/null itself. */
function refuseSpecialFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isFile() && !stats.isDirectory()) throw notRegular();
}

/**
 * Removes what a killed `writeFileAtomic` left in a run folder, a part of one, or a packed set: temp files of what gala
 * writes there. Only for a folder that no other process writes to.
 */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, file] = temporaryName.exec(name) ?? [];
    if (file !== undefined && isWrittenName(file)) removeIfPossible(join(folder, name));
  }
}

/** Makes a new name in a folder survive a power cut; file systems that cannot sync a folder are left alone. */
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
  // In parts, because the operating system takes less than 2 GiB a call.
  while (offset < bytes.byteLength) {
    offset += writeSync(file, bytes, offset, Math.min(bytes.byteLength - offset, largestWrite));
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error that brought us here says more than this one.
  }
}
