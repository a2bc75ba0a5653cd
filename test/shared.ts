/**
 * Where the golden numbers and real data beside the checkout are; tests that need them are skipped visibly without
 * them.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const candidates = [process.env.GALA_SHARED, resolve(import.meta.dirname, '../../../shared')];

/** Path inside the shared folder, or undefined when the folder or the path is not there. */
export function sharedPath(...parts: readonly string[]): string | undefined {
  for (const folder of candidates) {
    if (folder !== undefined && existsSync(join(folder, ...parts))) return join(folder, ...parts);
  }
  return undefined;
}
