/** Whether a packed set was made from the lists that a config names. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../errors.js';
import { readImageList } from '../files/imageList.js';
import { type ImageSetConfig, placesOfList } from '../imageSplits.js';
import type { ImageSplit } from '../sets/definition.js';
import { ownSet, publishedSet } from '../sets/index.js';
import { headerPath, type PackHeader, packSchema, readPackFile } from './packFormat.js';

/** Name of a list for `pack.json`: without its folder, and the same packed and plain. */
export function listName(path: string): string {
  return basename(path).replace(/\.gz$/, '');
}

/**
 * Compares each list that the config names with what `pack.json` says of its split: the name always, the content where
 * the file is below `root` or the working folder. Returns remarks: those of packing, and on what could not be compared.
 * Throws `DataError` for another list and for splits that do not have the same classes.
 */
export function comparePackedLists(config: ImageSetConfig, root: string, splits: readonly ImageSplit[]): string[] {
  const notes: string[] = [];
  let first: { readonly split: ImageSplit; readonly header: PackHeader } | undefined;
  for (const split of splits) {
    const path = headerPath(join(root, split));
    const header = readPackFile(path, packSchema);
    first ??= { split, header };
    if (header.class_names.join('\n') !== first.header.class_names.join('\n')) {
      throw new DataError(`The packed splits ${first.split} and ${split} do not have the same classes.`, {
        where: path,
        next: 'Pack all splits with the same config: `gala data pack` without --split, into another --output.',
      });
    }
    notes.push(...(header.notes ?? []));
    const note = compareList(config, split, root, header);
    if (note !== undefined) notes.push(note);
  }
  return [...new Set(notes)];
}

function compareList(config: ImageSetConfig, split: ImageSplit, root: string, header: PackHeader): string | undefined {
  const key = `${split}_list` as const;
  const given = config[key];
  const set = publishedSet(config.dataset);
  const published = set?.lists[split]?.file;
  const packed = header.list;
  if (given === undefined) {
    if (packed === undefined || published === undefined || packed === published) return undefined;
    return `${split} list: ${packed}, as it was packed, not the published ${published}.`;
  }
  const path = placesOfList(given, root).find(place => existsSync(place));
  const fingerprint = path === undefined ? undefined : readImageList(path, set?.classes).fingerprint;
  const keep =
    ownSet(config.dataset)?.imagesOf === 'lists' && split !== 'val'
      ? `name the list that was packed in data.${key}`
      : `leave data.${key} out`;
  const refuse = (message: string) =>
    new DataError(message, {
      where: headerPath(join(root, split)),
      next: `Give \`gala data pack\` again with another --output; or, to use what was packed, ${keep}.`,
    });
  if (packed === undefined) {
    if (fingerprint === header.source_fingerprint) return undefined;
    return (
      `Whether data.${key} (${given}) is what was packed is not known: an earlier gala packed it. The same ` +
      '`gala data pack` adds it.'
    );
  }
  if (packed !== listName(given))
    throw refuse(`The pack was made from the list ${packed}; data.${key} names ${given}.`);
  if (fingerprint !== undefined && fingerprint !== header.list_fingerprint) {
    throw refuse(`The list ${path} has changed since it was packed.`);
  }
  return undefined;
}
