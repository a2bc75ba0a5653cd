/** Names of the files in the folder of compiled programs. */
import { readdirSync } from 'node:fs';

export const entryName = (hash: string) => `${hash}.xla`;
const ownName = /^[0-9a-f]{64}\.xla(\.[0-9a-f]{12}\.tmp)?$/;

/** Those of gala in a folder: entries, and what killed writes left of some. Any other file is somebody's own. */
export function compiledNames(folder: string): string[] {
  return readdirSync(folder).filter(name => ownName.test(name));
}

/** Whether a name of `compiledNames` is that of a whole entry. */
export function isEntry(name: string): boolean {
  return name.endsWith('.xla');
}
