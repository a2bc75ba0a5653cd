/**
 * Where the golden numbers and real data beside the checkout are; tests that need them are skipped visibly without
 * them.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';

const candidates = [process.env.GALA_SHARED, resolve(import.meta.dirname, '../../../shared')];

/** Path inside the shared folder, or undefined when the folder or the path is not there. */
export function sharedPath(...parts: readonly string[]): string | undefined {
  for (const folder of candidates) {
    if (folder !== undefined && existsSync(join(folder, ...parts))) return join(folder, ...parts);
  }
  return undefined;
}

/** `describe`, or one skipped test with the reason: Node counts skipped tests, but not the tests of a skipped suite. */
export function describeUnless(
  reason: string | false | undefined,
  name: string,
  tests: () => void | Promise<void>,
): void {
  if (!reason) describe(name, tests);
  else test(name, { skip: reason });
}
