/** Finds the files of `datasets/`, which come with gala. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError } from '../errors.js';

/** A folder of `datasets/` in the installed package. Throws `DataError` when it is missing. */
export function bundledFolder(name: string): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'datasets', name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) {
      throw new DataError(`The bundled ${name} is missing from this installation.`, {
        where: `datasets/${name}, looked for in ${import.meta.dirname} and the folders above`,
        next: 'Install the package again.',
      });
    }
  }
}
