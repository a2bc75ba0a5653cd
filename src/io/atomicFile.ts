/** Writes that are either wholly there or not there: temp file → fsync → rename → fsync of the folder. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '../errors.js';

/** Replaces `path` by the concatenation of `chunks`; a crash leaves either the old or the new file. Throws `StorageError`. */
export function writeFileAtomic(path: string, ...chunks: readonly (string | Uint8Array)[]): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, 'w', 0o644);
    try {
      for (const chunk of chunks) writeFully(file, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new StorageError(`Could not write the file: ${(error as Error).message}`, {
      where: path,
      next: 'Check free space and permissions of the folder, then run the same command again; the previous version of the file is intact.',
      cause: error,
    });
  }
}

function writeFully(file: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.byteLength) offset += writeSync(file, bytes, offset, bytes.byteLength - offset);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
