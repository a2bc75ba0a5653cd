import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../errors.js';

/** Bytes of a dataset's file, unpacked where they are gzip, whatever the file is called. Throws `DataError` that names `where`. */
export function readPlainOrGzip(path: string, where = path): Buffer {
  try {
    const bytes = readFileSync(path);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new DataError(`The file could not be read: ${(error as Error).message}`, {
      where,
      next: 'Check the path and its permissions; if it is damaged, fetch it again.',
      cause: error,
    });
  }
}
