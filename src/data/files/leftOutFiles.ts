/** Counts the files of a split that are no images, by kind, for a note: a missing image changes the class prior. */
import { type Dirent, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

/** What operating systems, archivers and storage devices leave in folders. Other such names begin with a dot. */
const leftBehind = [
  '__MACOSX',
  '__pycache__',
  '@eaDir',
  '@Recycle',
  '@Recently-Snapshot',
  '#recycle',
  '#snapshot',
  'Network Trash Folder',
  'Temporary Items',
  '$RECYCLE.BIN',
  'System Volume Information',
  'lost+found',
  'Thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'Icon\r',
].map(name => name.toLowerCase());
const kindsShown = 6;

/** Whether a file or folder is no image and no class because of its name. */
export function isLeftBehind(name: string): boolean {
  return name.startsWith('.') || leftBehind.includes(name.toLowerCase());
}

export interface LeftOutFiles {
  /** Counts a file of a class folder. */
  addFile(name: string): void;
  /** Counts the files below a folder that is not read. */
  addFolder(path: string, name: string): void;
  /** Counts a file beside the class folders. */
  addBeside(name: string): void;
  /** A sentence with the counts; undefined where there are none. */
  sentence(split: string): string | undefined;
}

export function leftOutFiles(): LeftOutFiles {
  const counts = new Map<string, number>();
  const add = (kind: string, files = 1) => counts.set(kind, (counts.get(kind) ?? 0) + files);
  return {
    addFile: name => add(kindOf(name)),
    addFolder: (path, name) => add(`in ${name}/`, filesBelow(path)),
    addBeside: name => add(isLeftBehind(name) ? kindOf(name) : 'beside the class folders'),
    sentence: split => {
      const kinds = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
      if (kinds.length === 0) return undefined;
      const total = kinds.reduce((sum, [, count]) => sum + count, 0);
      const shown = kinds.slice(0, kindsShown).map(([kind, count]) => `${count} ${kind}`);
      const others = kinds.length > kindsShown ? `, and ${kinds.length - kindsShown} other kinds` : '';
      const files = total === 1 ? '1 file is' : `${total} files are`;
      return (
        `${split}: ${files} left out (in no class folder, hidden, or not named as an image): ` +
        `${shown.join(', ')}${others}.`
      );
    },
  };
}

function kindOf(name: string): string {
  if (name.startsWith('._')) return '._*';
  if (isLeftBehind(name)) return name;
  const ending = extname(name);
  return ending === '' ? 'without an ending' : `*${ending.toLowerCase()}`;
}

/** Number of files below a folder. Does not follow links or count what cannot be read. */
function filesBelow(folder: string): number {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return 0;
  }
  return entries.reduce((sum, entry) => sum + (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : 1), 0);
}
