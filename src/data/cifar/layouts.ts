/** Where the files of the official archives of CIFAR-10 and CIFAR-100 lie on this machine. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DataError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import { packedArchiveAdvice } from '../files/packedArchives.js';
import type { CifarArchives, CifarLayout } from '../sets/definition.js';

/** A set by its name and its archives. */
export interface CifarSet {
  readonly name: string;
  readonly archives: CifarArchives;
}

/** Where a set was found. */
export interface FoundCifar {
  readonly layout: CifarLayout;
  readonly folder: string;
}

export const cifarSplits = ['train', 'test'] as const;
export type CifarSplit = (typeof cifarSplits)[number];

/** The files of a layout that gala reads. */
export function filesOf({ train, test, classNames }: CifarLayout): string[] {
  return [...train, ...test, classNames];
}

/**
 * The folder that holds a whole layout: `root`, or the folder of the archive in it. Throws `DataError` that names what
 * is missing.
 */
export function findCifar({ name, archives }: CifarSet, root: string): FoundCifar {
  const { binary, python, page } = archives;
  const layouts = [binary, python];
  const candidates = layouts.flatMap(layout =>
    [resolve(root), join(resolve(root), layout.folder)].map(folder => ({ layout, folder })),
  );
  const missing = ({ layout, folder }: (typeof candidates)[number]) =>
    filesOf(layout).filter(file => !isFile(join(folder, file)));
  const whole = candidates.find(candidate => missing(candidate).length === 0);
  if (whole !== undefined) return whole;
  const partial = candidates.find(candidate => missing(candidate).length < filesOf(candidate.layout).length);
  const { layout } = partial ?? candidates[0]!;
  throw new DataError(
    partial === undefined
      ? `The files of ${layout.folder} are missing: ${filesOf(layout).join(', ')}.`
      : `Files of ${layout.folder} are missing: ${missing(partial).join(', ')}.`,
    {
      where: partial?.folder ?? `looked in ${[...new Set(candidates.map(({ folder }) => folder))].join(' and ')}`,
      next:
        packedArchiveAdvice(root, name => layouts.some(({ archive }) => archive.name === name)) ??
        `Fetch them with \`gala data download ${name} --data ${shellWord(root)}\`, or unpack the authors' archive ` +
          `${layout.archive.name} ` +
          `(${page}); then name the folder with --data DIR, the environment variable GALA_DATA ` +
          'or data.root in the config.',
    },
  );
}

/** The files of the records of a split, in order. */
export function pathsOf({ layout, folder }: FoundCifar, split: CifarSplit): string[] {
  return layout[split].map(file => join(folder, file));
}

/** The archive where it lies in the folder of its files or beside that. */
export function archiveBeside({ layout, folder }: FoundCifar): string | undefined {
  return [folder, dirname(folder)].map(place => join(place, layout.archive.name)).find(isFile);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
