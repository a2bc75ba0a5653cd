import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { openRegularFile } from './regularFile.js';

const largestUpdate = 2 ** 30;

/** sha256 in hex of the concatenated parts. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  return digest('sha256', parts);
}

/** sha256 in hex of a regular file, read in pieces. Rejects with `FormatFault`, and the system's errors. */
export function sha256OfFile(path: string): Promise<string> {
  return digestOfFile('sha256', path);
}

/** As `sha256OfFile`, md5: only to compare with the checksums that dataset authors publish. */
export function md5OfFile(path: string): Promise<string> {
  return digestOfFile('md5', path);
}

/** md5 in hex; only to compare with the checksums that dataset authors publish. */
export function md5(...parts: readonly (string | Uint8Array)[]): string {
  return digest('md5', parts);
}

/** Adds bytes of any length to a hash; Node takes less than 2 GiB in one call. */
export function updateHash(hash: Hash, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.byteLength; offset += largestUpdate) {
    hash.update(bytes.subarray(offset, offset + largestUpdate));
  }
}

async function digestOfFile(algorithm: string, path: string): Promise<string> {
  const hash = createHash(algorithm);
  const { descriptor } = openRegularFile(path);
  await pipeline(createReadStream(path, { fd: descriptor, highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function digest(algorithm: string, parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash(algorithm);
  for (const part of parts) {
    if (typeof part === 'string') hash.update(part);
    else updateHash(hash, part);
  }
  return hash.digest('hex');
}
