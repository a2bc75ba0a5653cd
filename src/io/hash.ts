import { createHash, type Hash } from 'node:crypto';

const largestUpdate = 2 ** 30;

/** sha256 in hex of the concatenated parts. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  return digest('sha256', parts);
}

/** md5 in hex; only to compare with the checksums that dataset authors publish. */
export function md5(...parts: readonly (string | Uint8Array)[]): string {
  return digest('md5', parts);
}

/** Adds bytes of any length to a hash; Node takes less than 2 GiB a call. */
export function updateHash(hash: Hash, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.byteLength; offset += largestUpdate) {
    hash.update(bytes.subarray(offset, offset + largestUpdate));
  }
}

function digest(algorithm: string, parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash(algorithm);
  for (const part of parts) {
    if (typeof part === 'string') hash.update(part);
    else updateHash(hash, part);
  }
  return hash.digest('hex');
}
