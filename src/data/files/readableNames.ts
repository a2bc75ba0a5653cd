/**
 * Names on disk as text: those that are not UTF-8, which Node cannot open by a text, and the two ways to write an
 * accent.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';

/** What Node puts in place of bytes that are not UTF-8. */
const replacement = '\uFFFD';

/** Throws `DataError` for a name of `folder`, as Node gives it, under which no file can be opened. */
export function requireReadableName(folder: string, name: string): void {
  if (!name.includes(replacement) || existsSync(join(folder, name))) return;
  throw new DataError(`The name ${escapedName(folder, name)} is not UTF-8, so gala cannot open the file.`, {
    where: folder,
    next: `${renaming} (or whatever encoding the names have).`,
  });
}

/**
 * A sentence for somebody whose file was not found: the folder has names that are not UTF-8. Undefined where it has
 * none.
 */
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
 * `name`, or the form of it that `has` knows: macOS writes an accent as a sign of its own (NFD), others as one letter
 * (NFC).
 */
export function knownForm(name: string, has: (name: string) => boolean): string | undefined {
  return [name, name.normalize('NFC'), name.normalize('NFD')].find(has);
}

const renaming = 'Rename them: convmv -r --notest -f latin1 -t utf8 FOLDER';

/** The bytes of a name, those beyond ASCII as `\xNN`. */
function escapedName(folder: string, name: string): string {
  const bytes = readdirSync(folder, { encoding: 'buffer' }).find(entry => entry.toString('utf8') === name);
  const text = (bytes ?? Buffer.from(name)).toString('latin1');
  const escaped = text.replace(/[^ -~]/g, sign => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
