/** Finds the official lists of published sets on this machine and checks them. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../../errors.js';
import { cacheFolder } from '../../io/homePath.js';
import { readPlainOrGzip } from '../../io/plainOrGzip.js';
import { bundledFolder } from '../bundled.js';
import { countLabels } from '../dataset.js';
import { filePath } from '../files/imageFiles.js';
import { type ImageList, parseImageList } from '../files/imageList.js';
import type { ImageSplit, OfficialList, PublishedSet } from '../sets/definition.js';

/** Training images per class of a set, in label order, as published. */
export function publishedClassCounts(set: PublishedSet): Int32Array {
  return Int32Array.from(JSON.parse(readFileSync(join(bundledFolder('lists'), set.classCounts), 'utf8')) as number[]);
}

export interface CheckedList {
  readonly list: ImageList;
  /** Whether it is the published file; otherwise the list has the published number of images of each class. */
  readonly identical: boolean;
}

/** The folder where `gala data lists` installs lists. */
export function installedLists(environment: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(undefined, environment), 'lists');
}

/** Path of the list of a split, which is bundled, installed, or in `root`; undefined without one. */
export function findOfficialList(
  { file, sha256 }: OfficialList,
  { root, environment }: { readonly root?: string | undefined; readonly environment?: NodeJS.ProcessEnv } = {},
): string | undefined {
  if (sha256 !== undefined) return join(bundledFolder('lists'), `${file}.gz`);
  const inRoot = root === undefined ? [] : [resolve(root, file), resolve(root, `${file}.gz`)];
  return [join(installedLists(environment), `${file}.gz`), ...inRoot].find(path => existsSync(path));
}

/** Finds, reads and checks the list of a split. Throws `DataError` that says how to get the list. */
export function openOfficialList(
  set: PublishedSet,
  split: ImageSplit,
  places: { readonly root?: string | undefined; readonly environment?: NodeJS.ProcessEnv },
): CheckedList & { readonly path: string } {
  const official = requireList(set, split);
  const path = findOfficialList(official, places);
  if (path === undefined) {
    throw new DataError(`The list ${official.file} of ${set.title} is not on this machine.`, {
      where: `looked in ${[installedLists(places.environment), places.root].filter(Boolean).join(' and ')}`,
      next:
        `Fetch it with \`gala data lists ${set.name}\`, or give a copy: ` +
        `\`gala data lists ${set.name} --from FILE\`.`,
    });
  }
  return { path, ...checkOfficialList(set, split, readPlainOrGzip(path), path) };
}

/**
 * Compares a list with the published one. A list with another checksum must have the published number of images of each
 * class, no image twice, and no image of another list of the set. Throws `DataError` that names the difference.
 */
export function checkOfficialList(set: PublishedSet, split: ImageSplit, bytes: Uint8Array, where: string): CheckedList {
  const official = requireList(set, split);
  const list = parseImageList(bytes, where, set.classes);
  const identical =
    official.sha256 === undefined ? gitBlobId(bytes) === official.gitBlob : list.fingerprint === official.sha256;
  if (identical) return { list, identical };
  if (official.sha256 !== undefined) {
    throw new DataError(`The list is not the published ${official.file}: its checksum differs.`, {
      where,
      next: 'Install gala again: this list comes with it.',
    });
  }
  requireSameCounts(set, list, where);
  requireDistinct(set, list, where);
  return { list, identical };
}

/** sha1 (hex) that git gives a file of these bytes. */
export function gitBlobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function requireList(set: PublishedSet, split: ImageSplit): OfficialList {
  const official = set.lists[split];
  if (official !== undefined) return official;
  throw new DataError(`${set.title} has no ${split} list.`, {
    where: `split ${split}`,
    next: `Its splits are ${Object.keys(set.lists).join(' and ')}.`,
  });
}

function requireSameCounts(set: PublishedSet, list: ImageList, where: string): void {
  const published = publishedClassCounts(set);
  const counts = countLabels(list.labels, set.classes);
  const differing = Array.from(published.keys()).filter(c => counts[c] !== published[c]);
  if (differing.length === 0) return;
  const shown = differing.slice(0, 3).map(c => `class ${c} has ${counts[c]}, published ${published[c]}`);
  const others = differing.length > 3 ? `, and ${differing.length - 3} other classes differ` : '';
  const total = list.labels.length;
  throw new DataError(
    `The list of ${total} images is not the list of ${set.title}: ${shown.join(', ')}${others} ` +
      `(${set.lists.train.images} images in all).`,
    {
      where,
      next:
        `Give the file ${set.lists.train.file} as published, or use it as your own set with data.dataset: ` +
        'image_list.',
    },
  );
}

/** Throws `DataError` for an image that is in the list twice or in another list of the set, such as the test list. */
function requireDistinct(set: PublishedSet, list: ImageList, where: string): void {
  const seen = new Map<string, string>();
  const { train: _, ...others } = set.lists;
  for (const [split, official] of Object.entries(others)) {
    const other = parseImageList(readPlainOrGzip(findOfficialList(official)!), official.file);
    for (let i = 0; i < other.labels.length; i++) seen.set(filePath(other, i), split);
  }
  for (let i = 0; i < list.labels.length; i++) {
    const path = filePath(list, i);
    const split = seen.get(path);
    if (split !== undefined) {
      throw new DataError(
        split === 'train' ? `The image ${path} is listed twice.` : `The image ${path} is in the ${split} list too.`,
        { where, next: `Give the file ${set.lists.train.file} as published.` },
      );
    }
    seen.set(path, 'train');
  }
}
