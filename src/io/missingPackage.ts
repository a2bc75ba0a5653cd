/** Packages with a binary for each platform, which npm installs as optional ones: without it they cannot be loaded. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EngineError } from '../errors.js';
import { shellWord } from './shellWord.js';

/** dist/src → the package's root. */
const galaFolder = resolve(import.meta.dirname, '..', '..', '..');

/** The error of a package that could not be loaded; `what` is its name and what it is for. */
export function missingPackage(what: string, cause: unknown): EngineError {
  const [reason] = (cause as Error).message.split('\n');
  return new EngineError(`The package ${what}, could not be loaded: ${reason}`, {
    where: resolve(galaFolder, 'node_modules'),
    next: `Install the optional packages too: ${installation()}`,
    cause,
  });
}

/** A clone has a lock file; a package that npm installed has none. */
function installation(): string {
  return existsSync(resolve(galaFolder, 'package-lock.json'))
    ? `npm ci --include=optional --prefix ${shellWord(galaFolder)}`
    : 'npm install --include=optional, where gala was installed';
}
