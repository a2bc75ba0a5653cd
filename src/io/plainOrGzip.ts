import { gunzipSync, constants as zlibConstants } from 'node:zlib';
import { DataError } from '../errors.js';
import { reasonOf } from './diskFault.js';
import { readRegularFile } from './openedFile.js';

/** A dataset's file in memory as it is stored, plain or packed. */
export interface StoredFile {
  readonly isPacked: boolean;
  /** Bytes as stored. */
  readonly storedBytes: number;
  /** The beginning of what it holds, unpacked. */
  readonly start: Buffer;
  /** All that it holds. Throws `DataError` when it unpacks to more than `most` bytes. */
  all(most: number): Buffer;
}

/** Deflate makes at most so many bytes of one: what a packed file says to hold beyond that, it cannot hold. */
export const largestGzipRatio = 1032;

/** No list or archive that is read whole is larger; a small file that unpacks to more is not one of them. */
const largestUnpacked = 2 ** 31;

/**
 * Bytes of a dataset's file, unpacked where they are gzip, whatever the file is called. Throws `DataError` that names
 * `where`.
 */
export function readPlainOrGzip(path: string, where = path): Buffer {
  return openPlainOrGzip(path, where).all(largestUnpacked);
}

/** The same for a file whose beginning says how much there is to unpack. Throws `DataError` that names `where`. */
export function openPlainOrGzip(path: string, where = path): StoredFile {
  const stored = attempt(where, () => readRegularFile(path, largestUnpacked));
  const isPacked = stored[0] === 0x1f && stored[1] === 0x8b;
  return {
    isPacked,
    storedBytes: stored.length,
    start: isPacked ? attempt(where, () => beginning(stored)) : stored,
    all: most => (isPacked ? attempt(where, () => gunzipSync(stored, { maxOutputLength: most })) : stored),
  };
}

function beginning(packed: Buffer): Buffer {
  return gunzipSync(packed.subarray(0, 1024), { finishFlush: zlibConstants.Z_SYNC_FLUSH });
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
