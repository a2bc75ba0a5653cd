/** Finds archives that were not unpacked: the most likely reason for a missing folder. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { shellWord } from '../../io/shellWord.js';

const endings = /\.(zip|7z|rar|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz|zst))$/i;
const mostNamed = 3;

/**
 * A sentence that names the archives in `root`, or `root` itself if it is one, and the command that unpacks the first;
 * undefined without an archive.
 */
export function packedArchiveAdvice(root: string, isWanted = (name: string) => endings.test(name)): string | undefined {
  const folder = resolve(root);
  const isFile = statSync(folder, { throwIfNoEntry: false })?.isFile() ?? false;
  const target = isFile ? dirname(folder) : folder;
  const names = (isFile ? [basename(folder)] : namesIn(folder)).filter(isWanted).sort();
  const [first] = names;
  if (first === undefined) return undefined;
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  const named = `${names.slice(0, mostNamed).join(', ')}${more}`;
  const verb = names.length === 1 ? 'lies' : 'lie';
  return `${named} ${verb} there packed. Unpack first: \`${unpacking(join(target, first), target)}\`.`;
}

function unpacking(archive: string, folder: string): string {
  const [from, to] = [shellWord(archive), shellWord(folder)];
  if (/\.zip$/i.test(archive)) return `unzip ${from} -d ${to}`;
  if (/\.(7z|rar)$/i.test(archive)) return `7z x ${from} -o${to}`;
  return `tar -xf ${from} -C ${to}`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
