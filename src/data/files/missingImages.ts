/** What to tell somebody whose images are not where the list has them. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import type { ImageSplitFiles } from '../imageSplits.js';
import type { PublishedSet } from '../sets/definition.js';
import { packedArchiveAdvice } from './packedArchives.js';
import { namesNotUtf8 } from './readableNames.js';

/**
 * The error for a split with missing files: how many, the first of them or the folders looked for, and which archive to
 * get.
 */
export function missingImages(
  split: string,
  { files, located }: Pick<ImageSplitFiles, 'files' | 'located'>,
  root: string,
  set: PublishedSet | undefined,
): DataError {
  const { missing, missingFolders, listFolders, table } = located;
  const first = missingFolders[0];
  const folder = listFolders[table.folderOf[missing[0]!]!]!;
  const folders = missingFolders.length > 0 ? `, and ${missingFolders.length} of their folders do not exist` : '';
  const [one, ...others] = first?.candidates ?? [files.path(missing[0]!)];
  const unreadable = namesNotUtf8(dirname(one!));
  return new DataError(`${missing.length} of the ${files.length} ${split} images are missing${folders}.`, {
    where: others.length > 0 ? `neither ${one} nor ${others.join(' nor ')} exists` : `the first: ${one}`,
    next:
      `${unreadable === undefined ? '' : `${unreadable} `}${archiveAdvice(root, folder, set)} ` +
      `\`${verifyCommand(root, set)}\` lists every missing file.`,
  });
}

/** The command that checks every image of a set. */
export function verifyCommand(root: string, set: PublishedSet | undefined): string {
  return `gala data verify ${set === undefined ? '--config CONFIG' : set.name} --data ${shellWord(root)}`;
}

/** Which archive is there by mistake, and which one to get for a folder of the list. */
export function archiveAdvice(root: string, folder: string, set: PublishedSet | undefined): string {
  const packed = packedArchiveAdvice(root);
  if (set === undefined)
    return packed ?? 'Correct the list, or data.root (--data): the paths of a list are relative to it.';
  const telltale = set.telltales.find(({ entry }) => existsSync(join(root, entry)));
  const says = telltale?.says ?? packed;
  return `${says ? `${says} ` : ''}${set.archiveOf(folder)}.`;
}
