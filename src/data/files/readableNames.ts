/** Names on disk that differ from their text: those that are not UTF-8, and those with other forms of accents. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';

/** Node replaces bytes that are not UTF-8 by this character. */
const replacement = '\uFFFD';

/** Throws `DataError` for a name in `folder`, as Node returns it, that Node cannot open. */
export function requireReadableName(folder: string, name: string): void {
  if (!name.includes(replacement) || existsSync(join(folder, name))) return;
  throw new DataError(`The name ${escapedName(folder, name)} is not UTF-8, so gala cannot open the file.`, {
    where: folder,
    next: `${renaming} (or whatever encoding the names have).`,
  });
}

/** A sentence about the names in `folder` that are not UTF-8; undefined where there are none. */
export function namesNotUtf8(folder: string): string | undefined {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const bad = names.filter(name => name.includes(replacement) && !existsSync(join(folder, name)));
  if (bad.length === 0) return undefined;
  return `${bad.length} names in ${folder} are not UTF-8, such as ${escapedName(folder, bad[0]!)}. ${renaming}.`;
}

/**
 * The Unicode form of `name` for which `has` is true: macOS writes accents as characters of their own (NFD), other
 * systems as one letter (NFC).
 */
export function knownForm(name: string, has: (name: string) => boolean): string | undefined {
  return [name, name.normalize('NFC'), name.normalize('NFD')].find(has);
}

const renaming = 'Rename them: convmv -r --notest -f latin1 -t utf8 FOLDER';

/** The bytes of a name, with those beyond ASCII as `\xNN`. */
function escapedName(folder: string, name: string): string {
  const bytes = readdirSync(folder, { encoding: 'buffer' }).find(entry => entry.toString('utf8') === name);
  const text = (bytes ?? Buffer.from(name)).toString('latin1');
  const escaped = text.replace(/[^ -~]/g, sign => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
