/** A list of images divided into training, validation and test images, class by class. */
import { DataError } from '../../errors.js';
import { randomFor, shuffle } from '../../random.js';
import { sharedBytes, sharedInt32 } from '../pipeline/sharedDataset.js';
import { fileName } from './imageFiles.js';
import { type ImageList, lineHash } from './imageList.js';

/** Shares of each class; 0 = no such part. */
export interface SplitShares {
  readonly val: number;
  readonly test: number;
}

export interface DividedList {
  readonly train: ImageList;
  readonly val?: ImageList;
  readonly test?: ImageList;
}

/**
 * Divides `list`: the images of each class are shuffled by (`seed`, class), then the test images are taken, then the
 * validation images, each about its share and one at least where the class has enough; one image of each class always
 * stays in `train`. The parts keep the order of the list, and their fingerprints are those of lists of their own.
 * Throws `DataError`, whose place is `where`, for a part without an image.
 */
export function splitList(list: ImageList, { val, test }: SplitShares, seed: number, where: string): DividedList {
  const parts = { train: [] as number[], val: [] as number[], test: [] as number[] };
  imagesOfClasses(list.labels).forEach((images, label) => {
    const shuffled = shuffle(images, randomFor('split', seed, label));
    const testImages = share(images.length, test, images.length);
    const valImages = share(images.length, val, images.length - testImages);
    parts.test.push(...shuffled.subarray(0, testImages));
    parts.val.push(...shuffled.subarray(testImages, testImages + valImages));
    parts.train.push(...shuffled.subarray(testImages + valImages));
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

/** Images of a class of `images` that a part gets, of `left` that are left. */
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
  const labels = sharedInt32(indices.length);
  const folderOf = sharedInt32(indices.length);
  const nameStarts = sharedInt32(indices.length);
  const nameLengths = sharedBytes(indices.length);
  const lines = lineHash();
  indices.forEach((index, i) => {
    labels[i] = list.labels[index]!;
    folderOf[i] = list.folderOf[index]!;
    nameStarts[i] = list.nameStarts[index]!;
    nameLengths[i] = list.nameLengths[index]!;
    const folder = list.folders[folderOf[i]!]!;
    const name = fileName(list, index);
    lines.add(Buffer.from(folder === '' ? name : `${folder}/${name}`), labels[i]!);
  });
  const { folders, nameBytes } = list;
  return { folders, nameBytes, labels, folderOf, nameStarts, nameLengths, fingerprint: lines.digest() };
}

function emptyPart(part: string, where: string): DataError {
  return new DataError(`No class has enough images for one in the ${part} part.`, {
    where,
    next: `Add images: a class with 2 gives one to test, with 3 one to val too.`,
  });
}
