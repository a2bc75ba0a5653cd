/** Packages with a binary for each platform. npm installs the binaries as optional packages, so they may be missing. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { EngineError } from '../errors.js';
import { shellWord } from './shellWord.js';

/** dist/src → the package's root. */
const galaFolder = resolve(import.meta.dirname, '..', '..', '..');

/** Loads a package; `purpose` is for the message, such as `which reads image files`. Throws `EngineError`. */
export function loadOptionalPackage<T>(name: string, purpose: string): T {
  try {
    return createRequire(import.meta.url)(name) as T;
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n');
    throw new EngineError(`The package ${name}, ${purpose}, could not be loaded: ${reason}`, {
      where: resolve(galaFolder, 'node_modules'),
      next: `Install the optional packages too: ${installation()}`,
      cause,
    });
  }
}

/** A clone of the repository has a lock file; an installed package has none. */
function installation(): string {
  return existsSync(resolve(galaFolder, 'package-lock.json'))
    ? `npm ci --include=optional --prefix ${shellWord(galaFolder)}`
    : 'npm install --include=optional, where gala was installed';
}
