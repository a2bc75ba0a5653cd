/** Paths as a user writes and reads them, and the cache folder. */
import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';

/**
 * A path in which a leading `~/`, or `~` alone, is the home folder. A shell does this only for words of their own: not
 * in `--output=~/runs`, in quotes, in environment files or in configs.
 */
export function withHome(path: string): string {
  return /^~(\/|$)/.test(path) ? homedir() + path.slice(1) : path;
}

/** As `withHome`, for a word of a command line, which may be `--option=~/path`. */
export function wordWithHome(word: string): string {
  const [option] = /^--[\w-]+=/.exec(word) ?? [''];
  return option + withHome(word.slice(option.length));
}

/** A path as a reader would type it: relative to the working folder when inside it, else as it is. */
export function displayPath(path: string): string {
  const short = relative(process.cwd(), path);
  if (short === '') return '.';
  return short.startsWith('..') ? path : short;
}

/** The cache folder: `explicit`, else GALA_CACHE, else $XDG_CACHE_HOME/gala, else ~/.cache/gala. It need not exist. */
export function cacheFolder(explicit?: string, environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = explicit || environment.GALA_CACHE;
  if (chosen) return resolve(withHome(chosen));
  // The XDG specification says to ignore a relative path.
  const base = environment.XDG_CACHE_HOME?.startsWith('/')
    ? environment.XDG_CACHE_HOME
    : join(environment.HOME || homedir(), '.cache');
  return join(base, 'gala');
}
