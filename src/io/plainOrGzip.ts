/** Reads files that may be compressed with gzip. */
import { gunzipSync, constants as zlibConstants } from 'node:zlib';
import { DataError } from '../errors.js';
import { reasonOf } from './faults.js';
import { readRegularFile } from './regularFile.js';

/** A file of a dataset in memory, plain or compressed. */
export interface StoredFile {
  readonly isCompressed: boolean;
  /** Bytes as stored. */
  readonly storedBytes: number;
  /** The beginning of the content, decompressed. */
  readonly start: Buffer;
  /** The whole content. Throws `DataError` when it has more than `most` bytes. */
  all(most: number): Buffer;
}

/** Most bytes that deflate makes of one compressed byte. */
export const largestGzipRatio = 1032;

/** Lists and archives that gala reads whole are smaller. */
const largestContent = 2 ** 31;

/** The content of a file, decompressed where its first bytes are gzip's. Throws `DataError` that names `where`. */
export function readPlainOrGzip(path: string, where = path): Buffer {
  return openPlainOrGzip(path, where).all(largestContent);
}

/** As `readPlainOrGzip`, for a file whose beginning gives its size. Throws `DataError` that names `where`. */
export function openPlainOrGzip(path: string, where = path): StoredFile {
  const stored = attempt(where, () => readRegularFile(path, largestContent));
  const isCompressed = stored[0] === 0x1f && stored[1] === 0x8b;
  return {
    isCompressed,
    storedBytes: stored.length,
    start: isCompressed ? attempt(where, () => beginning(stored)) : stored,
    all: most => (isCompressed ? attempt(where, () => gunzipSync(stored, { maxOutputLength: most })) : stored),
  };
}

function beginning(compressed: Buffer): Buffer {
  return gunzipSync(compressed.subarray(0, 1024), { finishFlush: zlibConstants.Z_SYNC_FLUSH });
}

function attempt<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ERR_BUFFER_TOO_LARGE' ? 'it unpacks to more bytes than it should hold' : reasonOf(error);
    throw new DataError(`The file could not be read: ${what}`, {
      where,
      next: 'Check the path and its permissions; if it is damaged, fetch it again.',
      cause: error,
    });
  }
}
