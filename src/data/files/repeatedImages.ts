/**
 * Finds images that are in a set more than once: a repeated line, an image under two labels, test images among the
 * training images.
 */
import { realpathSync } from 'node:fs';
import type { ImageSplit } from '../sets/definition.js';
import { type FileTable, fileName, type ImageFiles } from './imageFiles.js';

export interface SplitImages {
  readonly split: ImageSplit;
  readonly files: ImageFiles;
}

export interface HashedImages extends SplitImages {
  /** 64 bits of a hash of each file's bytes, [N, 2]; zeros where a file was not read. */
  readonly digests: Int32Array;
}

/** The images of several splits with one running number, `at`. */
interface Joined {
  readonly splits: readonly SplitImages[];
  /** Index of the split of image `at`. */
  splitOf(at: number): number;
  /** Index of image `at` in its split. */
  indexOf(at: number): number;
  readonly total: number;
}

interface Wording {
  readonly sameLabel: string;
  readonly otherLabel: string;
  readonly inSplit: (images: string) => string;
  /** An example: the paths of an image and of the first equal image. */
  readonly example: (at: string, first: string) => string;
}

const adjectives: Readonly<Record<ImageSplit, string>> = { train: 'training', val: 'validation', test: 'test' };

const byPath: Wording = {
  sameLabel: 'listed more than once',
  otherLabel: 'listed under two labels',
  inSplit: images => `among the ${images} too`,
  example: at => at,
};
const byContent: Wording = {
  sameLabel: 'equal to another one, byte for byte',
  otherLabel: 'equal to one with another label, byte for byte',
  inSplit: images => `equal to some of the ${images}, byte for byte`,
  example: (at, first) => `${at} and ${first}`,
};

/** A sentence for each way in which several images are the same file. */
export function repeatedPaths(splits: readonly SplitImages[]): string[] {
  const joined = join(splits);
  return sentences(joined, firstOfPath(joined), byPath);
}

/** As `repeatedPaths`, for different files with the same bytes. */
export function repeatedContents(splits: readonly HashedImages[]): string[] {
  const joined = join(splits);
  const half = (at: number, h: 0 | 1) => splits[joined.splitOf(at)]!.digests[2 * joined.indexOf(at) + h]!;
  const first = firstEqual(
    joined.total,
    at => half(at, 0),
    (a, b) => half(a, 0) === half(b, 0) && half(a, 1) === half(b, 1),
  );
  const samePath = firstOfPath(joined);
  for (let at = 0; at < joined.total; at++) {
    const isUnread = half(at, 0) === 0 && half(at, 1) === 0;
    if (isUnread || samePath[at] !== -1) first[at] = -1;
  }
  return sentences(joined, first, byContent);
}

/** `first[at]` is the first earlier image that is equal to image `at`, or −1. */
function sentences({ splits, splitOf, indexOf, total }: Joined, first: Int32Array, wording: Wording): string[] {
  const labelOf = (at: number) => splits[splitOf(at)]!.files.labels[indexOf(at)]!;
  const pathOf = (at: number) => splits[splitOf(at)]!.files.path(indexOf(at));
  return splits.flatMap(({ split, files }, s) => {
    const groups = new Map<string, { count: number; at: number }>();
    for (let at = 0; at < total; at++) {
      if (first[at] === -1 || splitOf(at) !== s) continue;
      const e = splitOf(first[at]!);
      const isOther = labelOf(at) !== labelOf(first[at]!);
      const within = isOther ? wording.otherLabel : wording.sameLabel;
      const key = e === s ? within : wording.inSplit(`${adjectives[splits[e]!.split]} images`);
      groups.set(key, { count: (groups.get(key)?.count ?? 0) + 1, at: groups.get(key)?.at ?? at });
    }
    return [...groups].map(([phrase, { count, at }]) => {
      const example = wording.example(pathOf(at), pathOf(first[at]!));
      const labels = phrase === wording.otherLabel ? ` (labels ${labelOf(first[at]!)} and ${labelOf(at)})` : '';
      const verb = count === 1 ? 'is' : 'are';
      return (
        `${count} of the ${files.length} ${adjectives[split]} images ${verb} ${phrase}, the first ` +
        `${example}${labels}.`
      );
    });
  });
}

function join(splits: readonly SplitImages[]): Joined {
  const starts = splits.map((_, s) => splits.slice(0, s).reduce((sum, { files }) => sum + files.length, 0));
  const splitOf = (at: number) => starts.findLastIndex(start => start <= at);
  const total = splits.reduce((sum, { files }) => sum + files.length, 0);
  return { splits, splitOf, indexOf: at => at - starts[splitOf(at)]!, total };
}

function firstOfPath({ splits, splitOf, indexOf, total }: Joined): Int32Array {
  const numbers = numbersOfFolders(splits.map(({ files }) => files.table));
  const tableOf = (at: number) => splits[splitOf(at)]!.files.table;
  const folderOf = (at: number) => numbers[splitOf(at)]![tableOf(at).folderOf[indexOf(at)]!]!;
  const hash = (at: number) => {
    const { nameBytes, nameStarts, nameLengths } = tableOf(at);
    const start = nameStarts[indexOf(at)]!;
    let value = folderOf(at);
    for (let k = 0; k < nameLengths[indexOf(at)]!; k++) value = Math.imul(31, value) + nameBytes[start + k]!;
    return value;
  };
  const isEqual = (a: number, b: number) =>
    folderOf(a) === folderOf(b) && fileName(tableOf(a), indexOf(a)) === fileName(tableOf(b), indexOf(b));
  return firstEqual(total, hash, isEqual);
}

/** A number for each folder of each table. Paths of the same folder, also through links, have the same number. */
function numbersOfFolders(tables: readonly FileTable[]): Int32Array[] {
  const known = new Map<string, number>();
  return tables.map(({ folders }) =>
    Int32Array.from(folders, folder => {
      const real = realPath(folder);
      const number = known.get(real) ?? known.size;
      known.set(real, number);
      return number;
    }),
  );
}

function realPath(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder; // missing; another check says so
  }
}

/** The first earlier item that is equal to each item, or −1: a hash table with 4 to 12 bytes per item. */
function firstEqual(
  total: number,
  hash: (at: number) => number,
  isEqual: (a: number, b: number) => boolean,
): Int32Array {
  const size = 2 ** Math.ceil(Math.log2(2 * total + 1));
  const slots = new Int32Array(size).fill(-1);
  const first = new Int32Array(total).fill(-1);
  for (let at = 0; at < total; at++) {
    let slot = (Math.imul(hash(at), 0x9e3779b1) >>> 0) & (size - 1);
    while (slots[slot] !== -1 && !isEqual(slots[slot]!, at)) slot = (slot + 1) & (size - 1);
    if (slots[slot] === -1) slots[slot] = at;
    else first[at] = slots[slot]!;
  }
  return first;
}
