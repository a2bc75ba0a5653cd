/** Finds out whether other users can change the libraries of the cache. gala loads these libraries as code. */
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../io/homePath.js';
import { shellWord } from '../../io/shellWord.js';
import { compiledFolder, enginesFolder } from './cache.js';

const groupMayWrite = 0o020;
const othersMayWrite = 0o002;
const onlyOwnersDelete = 0o1000;

/**
 * A sentence that names a path which others can change, and the command that prevents it; undefined where nobody else
 * can, and where there is no cache.
 */
export function cacheWarning(cache = cacheFolder()): string | undefined {
  const real = realPath(cache);
  if (real === undefined) return undefined;
  for (const path of pathsOf(real)) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    const who = stat && othersWhoWrite(stat);
    if (who === undefined) continue;
    const remedy =
      stat!.uid === ownUser()
        ? `chmod ${path === real || path.startsWith(`${real}/`) ? '-R ' : ''}go-w ${shellWord(path)}`
        : 'put the cache into a folder of your own (GALA_CACHE)';
    return (
      `${who} can change ${path}, and gala runs code from there as you. To prevent it: ${remedy}. ` +
      '`gala doctor --deep` compares the engines with what was installed.'
    );
  }
  return undefined;
}

/** The folders above the cache, and everything that is loaded from the cache. */
function* pathsOf(real: string): Generator<string> {
  yield* pathsAbove(real);
  for (const folder of [enginesFolder(real), compiledFolder(real)]) yield* pathsBelow(folder);
}

function* pathsAbove(path: string): Generator<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    yield folder;
    if (dirname(folder) === folder) break;
  }
}

/** The target of a link in the cache. */
function* pathsAt(path: string): Generator<string> {
  yield* pathsAbove(path);
  if (lstatSync(path).isDirectory()) yield* pathsBelow(path);
}

function realPath(cache: string): string | undefined {
  try {
    return realpathSync(cache);
  } catch {
    return undefined; // no such path
  }
}

function* pathsBelow(folder: string): Generator<string> {
  yield folder;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const target = entry.isSymbolicLink() ? realPath(path) : undefined;
      if (target !== undefined) yield* pathsAt(target);
      else if (entry.isDirectory()) yield* pathsBelow(path);
      else yield path;
    }
  } catch {
    // A folder that cannot be read is not loaded either.
  }
}

function othersWhoWrite({ mode, uid, gid }: Stats): string | undefined {
  if (uid !== ownUser() && uid !== 0) return `The user ${uid}, its owner,`;
  // In such a folder (/tmp) every user can create files, but only the owner of a file can replace it.
  if ((mode & onlyOwnersDelete) !== 0) return undefined;
  if ((mode & othersMayWrite) !== 0) return 'Every user of this machine';
  return (mode & groupMayWrite) !== 0 && !isOwnGroup(gid) ? `The group ${gid}` : undefined;
}

function ownUser(): number {
  return process.geteuid!();
}

/** Whether this user alone is in a group, according to /etc: many systems give each user a group of this kind. */
function isOwnGroup(gid: number): boolean {
  const { username } = userInfo();
  const group = linesOf('/etc/group').find(fields => fields[2] === String(gid));
  const members = group?.[3]?.split(',').filter(name => name !== '' && name !== username);
  const users = linesOf('/etc/passwd').filter(fields => fields[3] === String(gid) && fields[0] !== username);
  return members?.length === 0 && users.length === 0;
}

function linesOf(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map(line => line.split(':'));
  } catch {
    return [];
  }
}
