import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { withHome } from './homePath.js';

/** The cache folder: `explicit`, else GALA_CACHE, else $XDG_CACHE_HOME/gala, else ~/.cache/gala. It need not exist. */
export function cacheFolder(explicit?: string, environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = explicit || environment.GALA_CACHE;
  if (chosen) return resolve(withHome(chosen));
  // The XDG specification says that a relative path is to be ignored.
  const base = environment.XDG_CACHE_HOME?.startsWith('/')
    ? environment.XDG_CACHE_HOME
    : join(environment.HOME || homedir(), '.cache');
  return join(base, 'gala');
}
