/** Divides training images into training, validation and test images, class by class, as `data.split` says. */
import { DataError } from '../../errors.js';
import { randomFor, shuffle } from '../../random.js';
import { gathered } from '../dataset.js';
import type { DataConfig } from '../schema.js';
import type { ImageSplit } from '../sets/definition.js';
import { fileName, tableAt } from './imageFiles.js';
import { type ImageList, lineHash } from './imageList.js';

/** Shares of each class; 0 = no such part. */
interface SplitShares {
  readonly val: number;
  readonly test: number;
}

/** A list and where it was read from: its file or its folder. */
export interface ReadList {
  readonly list: ImageList;
  readonly source: string;
}

export type Lists = { readonly [split in ImageSplit]?: ReadList };

type SplitKeys = Pick<DataConfig, 'split'> & Partial<Pick<DataConfig, 'subset_seed'>>;

/** The shares of a config; undefined where it does not divide the training images. */
export function sharesOf({ split }: SplitKeys): SplitShares | undefined {
  const { val = 0, test = 0 } = split ?? {};
  return val === 0 && test === 0 ? undefined : { val, test };
}

/**
 * Divides the training images by `shares`, and adds a note. The part `val` is never in `train`, also where `wantsVal`
 * is false. Throws `DataError` for a part without an image.
 */
export function dividedTraining(
  { subset_seed = 0 }: SplitKeys,
  { list, source }: ReadList,
  shares: SplitShares,
  { wantsVal, notes }: { wantsVal: boolean; notes: string[] },
): Lists {
  const { train, val, test } = splitList(list, shares, subset_seed, source);
  const parts = [[train, 'training'] as const, [val, 'validation'] as const, [test, 'test'] as const];
  const counted = parts.flatMap(([part, name]) => (part === undefined ? [] : `${part.labels.length} ${name}`));
  notes.push(`${source} is divided by class, with data.subset_seed ${subset_seed}: ${counted.join(', ')} images.`);
  const read = (part: ImageList) => ({ list: part, source });
  return {
    train: read(train),
    ...(val && wantsVal && { val: read(val) }),
    ...(test && { test: read(test) }),
  };
}

/**
 * Shuffles the images of each class by (`seed`, class), takes the test images and then the validation images. Each part
 * gets about its share of a class, at least one image where the class has enough; one image of each class always stays
 * in `train`. The parts keep the order of the list and have fingerprints of their own.
 */
function splitList(list: ImageList, { val, test }: SplitShares, seed: number, where: string) {
  const parts = { train: [] as number[], val: [] as number[], test: [] as number[] };
  imagesOfClasses(list.labels).forEach((images, label) => {
    const shuffled = shuffle(images, randomFor('split', seed, label));
    const testImages = share(images.length, test, images.length);
    const valImages = share(images.length, val, images.length - testImages);
    for (const [place, image] of shuffled.entries())
      parts[place < testImages ? 'test' : place < testImages + valImages ? 'val' : 'train'].push(image);
  });
  const partOf = (name: keyof typeof parts) => {
    if (parts[name].length === 0) throw emptyPart(name, where);
    return sublist(list, Int32Array.from(parts[name]).sort());
  };
  return {
    train: partOf('train'),
    ...(val > 0 && { val: partOf('val') }),
    ...(test > 0 && { test: partOf('test') }),
  };
}

/** Images that a part gets of a class with `images` images, of which `left` are left. */
function share(images: number, fraction: number, left: number): number {
  if (fraction === 0 || left < 2) return 0;
  return Math.min(left - 1, Math.max(1, Math.round(images * fraction)));
}

/** Indices of the images of each class, ascending. */
function imagesOfClasses(labels: Int32Array): Int32Array[] {
  const counts: number[] = [];
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const members = Array.from(counts, (count = 0) => new Int32Array(count));
  const filled = new Int32Array(members.length);
  labels.forEach((label, i) => {
    members[label]![filled[label]!++] = i;
  });
  return members;
}

function sublist(list: ImageList, indices: Int32Array): ImageList {
  const lines = lineHash();
  for (const index of indices) {
    const folder = list.folders[list.folderOf[index]!]!;
    const name = fileName(list, index);
    lines.add(Buffer.from(folder === '' ? name : `${folder}/${name}`), list.labels[index]!);
  }
  return { ...tableAt(list, indices), labels: gathered(list.labels, indices), fingerprint: lines.digest() };
}

function emptyPart(part: string, where: string): DataError {
  return new DataError(`No class has enough images for one in the ${part} part.`, {
    where,
    next: 'Add images: a class needs 2 images to give one to test, and 3 to give one to val too.',
  });
}
