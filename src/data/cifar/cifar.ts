/** CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from either of the official archives. */
import { basename, join } from 'node:path';
import { DataError } from '../../errors.js';
import {
  classCounts,
  type Dataset,
  everyRow,
  pickedDataset,
  type SharedImages,
  sharedBytes,
  sharedDataset,
  sharedInt32,
} from '../dataset.js';
import { makeImageKernels } from '../kernels/imageKernels.js';
import type { PixelOptions } from '../sets/definition.js';
import { type CheckedFiles, checkedFiles } from './checkedFiles.js';
import { type CifarSet, type CifarSplit, type FoundCifar, findCifar, pathsOf } from './layouts.js';
import { readCifarNames } from './pickle.js';
import { pixelBytes, readNamesFile, recordPieces } from './records.js';

const side = 32;
const plane = side * side;

export interface CifarSplits {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Remarks on the files for the run's record: what the first look at them found, and always what is odd. */
  readonly notes: readonly string[];
}

/** What is said of the files; `isOdd` where they are not those of the authors. */
interface Finding {
  readonly text: string;
  readonly isOdd: boolean;
}

/**
 * Opens both splits, images [32, 32, 3]; `root` is the folder of the files or its parent. Test images are read into
 * shared memory at once, training images when a subset of them is taken. Throws `DataError` when a file is missing, has
 * another size than the official one, or holds a label out of range. Other content than the official is a note: the
 * records may be in another order. The same images in the same order have the same fingerprint in either form.
 */
export function openCifar(set: CifarSet, root: string, options: PixelOptions = {}): CifarSplits {
  const found = findCifar(set, root);
  const classNames = readClassNames(found);
  const { checked, isFirstLook } = checkedFiles(found, options);
  const partsOf = (split: CifarSplit) => ({
    name: set.name,
    classNames,
    imageShape: { height: side, width: side, channels: 3 },
    fingerprint: checked[split].fingerprint,
    labels: checked[split].labels,
    pick: (indices: Int32Array) => readImages(found, split, checked[split].labels, indices),
  });
  const train = pickedDataset(partsOf('train'));
  const { pick, ...parts } = partsOf('test');
  const test = sharedDataset({ ...parts, shared: pick(everyRow(parts.labels.length)) });
  const findings = [...checksumsOf(found, checked), balanceOf(train, 'train'), balanceOf(test, 'test')];
  return { train, test, notes: notesOf(findings, basename(found.folder), isFirstLook) };
}

function readClassNames({ layout, folder }: FoundCifar): string[] {
  const path = join(folder, layout.classNames);
  const bytes = readNamesFile(path);
  const names =
    layout.form === 'python'
      ? readCifarNames(bytes, path, layout)
      : bytes
          .toString('utf8')
          .split('\n')
          .map(line => line.trim())
          .filter(line => line !== '');
  const classes = layout.labels.at(-1)!;
  if (names.length !== classes) {
    throw new DataError(`${names.length} class names where ${classes} are expected.`, {
      where: path,
      next: `Unpack ${layout.archive.name} again.`,
    });
  }
  return names;
}

/** The images of a split at `indices`, in that order, HWC. Throws `DataError`. */
function readImages(found: FoundCifar, split: CifarSplit, labels: Uint8Array, indices: Int32Array): SharedImages {
  const { layout } = found;
  const rowOf = new Int32Array(labels.length).fill(-1);
  indices.forEach((index, row) => {
    rowOf[index] = row;
  });
  const pixels = sharedBytes(indices.length * pixelBytes);
  const { memory, interleave } = makeImageKernels();
  const image = memory(2 * pixelBytes); // planar, then HWC
  let index = 0;
  for (const path of pathsOf(found, split)) {
    for (const piece of recordPieces(path, layout, layout.recordsPerFile[split])) {
      for (let end = layout.labels.length + pixelBytes; end <= piece.length; end += layout.labels.length + pixelBytes) {
        const row = rowOf[index++]!;
        if (row === -1) continue;
        image.set(piece.subarray(end - pixelBytes, end));
        interleave(0, plane, pixelBytes);
        pixels.set(image.subarray(pixelBytes, 2 * pixelBytes), row * pixelBytes);
      }
    }
  }
  const rows = sharedInt32(indices.length);
  const picked = sharedInt32(indices.length);
  indices.forEach((from, i) => {
    rows[i] = rowOf[from]!;
    picked[i] = labels[from]!;
  });
  return { pixels, rows, labels: picked };
}

/** The first look is told in one line, what is odd in a line each time. */
function notesOf(findings: readonly Finding[], folder: string, isFirstLook: boolean): string[] {
  const [odd, usual] = [true, false].map(isOdd => findings.filter(finding => finding.isOdd === isOdd));
  const first = `${folder} was read whole, which is remembered until its files change: `;
  return [
    ...(isFirstLook ? [`${first}${usual!.map(({ text }) => text).join('; ')}.`] : []),
    ...odd!.map(({ text }) => `${folder}: ${text}.`),
  ];
}

/** The md5 of the files beside the official ones; of binary files only that of their archive is published. */
function checksumsOf({ layout }: FoundCifar, { md5 }: CheckedFiles): Finding[] {
  const { archive } = layout;
  const officials: Readonly<Record<string, string>> = { ...layout.md5, [archive.name]: archive.md5 };
  const findings = Object.entries(md5).map(([file, found]) => {
    const official = officials[file];
    if (official === undefined) return { text: `${file} has md5 ${found}`, isOdd: false };
    return official === found
      ? { text: `${file} has the official md5 ${found}`, isOdd: false }
      : { text: `${file} has md5 ${found}, the official one is ${official}`, isOdd: true };
  });
  if (layout.md5 !== undefined || archive.name in md5) return findings;
  const reason = `it is published for ${archive.name} (${archive.md5}), which does not lie beside the files`;
  return [...findings, { text: `the official md5 was not compared: ${reason}`, isOdd: false }];
}

function balanceOf(dataset: Dataset, split: string): Finding {
  const counts = classCounts(dataset);
  const expected = dataset.length / counts.length;
  const odd = counts.findIndex(count => count !== expected);
  return odd === -1
    ? { text: `${expected} ${split} images in each of ${counts.length} classes, as in the official set`, isOdd: false }
    : {
        text:
          `${split} class ${odd} (${dataset.classNames[odd]}) has ${counts[odd]} images, the official set has ` +
          `${expected}`,
        isOdd: true,
      };
}
