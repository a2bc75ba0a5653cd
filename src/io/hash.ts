import { createHash } from 'node:crypto';

/** sha256 in hex of the concatenated parts. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  return digest('sha256', parts);
}

/** md5 in hex; only to compare with the checksums that dataset authors publish. */
export function md5(...parts: readonly (string | Uint8Array)[]): string {
  return digest('md5', parts);
}

function digest(algorithm: string, parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
