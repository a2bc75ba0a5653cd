import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../errors.js';

/** Bytes of a dataset's file, unpacked where its name ends in `.gz`. Throws `DataError`. */
export function readPlainOrGzip(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new DataError(`The file could not be read: ${(error as Error).message}`, {
      where: path,
      next: 'Check the path and its permissions; if it is damaged, fetch it again.',
      cause: error,
    });
  }
}
