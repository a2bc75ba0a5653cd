/** CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in the official binary layout. */

import { createHash } from 'node:crypto';
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../errors.js';
import type { Dataset } from './dataset.js';
import { classCounts } from './dataset.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from './sharedDataset.js';

interface Layout {
  readonly folder: string;
  readonly archive: { readonly name: string; readonly md5: string };
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly classNames: string;
  readonly recordsPerFile: { readonly train: number; readonly test: number };
  /** Number of values of each label byte of a record; the last one is the class. */
  readonly labels: readonly number[];
}

const layouts: Readonly<Record<'cifar10' | 'cifar100', Layout>> = {
  cifar10: {
    folder: 'cifar-10-batches-bin',
    archive: { name: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530' },
    train: [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`),
    test: ['test_batch.bin'],
    classNames: 'batches.meta.txt',
    recordsPerFile: { train: 10_000, test: 10_000 },
    labels: [10],
  },
  cifar100: {
    folder: 'cifar-100-binary',
    archive: { name: 'cifar-100-binary.tar.gz', md5: '03b5dce01913d631647c71ecec9e9cb8' },
    train: ['train.bin'],
    test: ['test.bin'],
    classNames: 'fine_label_names.txt',
    recordsPerFile: { train: 50_000, test: 10_000 },
    labels: [20, 100],
  },
};

const side = 32;
const plane = side * side;
const pixelBytes = 3 * plane;
const recordsPerRead = 1000;

export interface CifarSplits {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Remarks on the files for the run's record: checksums, and whatever differs from the official copy. */
  readonly notes: readonly string[];
}

/**
 * Reads both splits into shared memory, images [32, 32, 3]; `root` is the folder of the files or its parent. Throws
 * `DataError` when a file is missing, has another size than the official one, or holds a label out of range. Other
 * content than the official is a note: the records may be in another order.
 */
export function openCifar(name: 'cifar10' | 'cifar100', root: string): CifarSplits {
  const layout = layouts[name];
  const folder = findFolder(layout, root);
  const classNames = readClassNames(layout, folder);
  const notes: string[] = [];
  const read = (split: 'train' | 'test'): Dataset => {
    const files = layout[split].map(file => join(folder, file));
    const perFile = layout.recordsPerFile[split];
    const count = files.length * perFile;
    // Before memory is taken for what they should hold.
    for (const file of files)
      checkSize(
        file,
        attempt(file, () => statSync(file).size),
        recordBytes(layout),
        perFile,
        layout,
      );
    const pixels = sharedBytes(count * pixelBytes);
    const labels = sharedInt32(count);
    const whole = createHash('sha256');
    files.forEach((file, i) => {
      const md5 = createHash('md5');
      readRecords(file, layout, perFile, pixels, labels, i * perFile, bytes => {
        md5.update(bytes);
        whole.update(bytes);
      });
      notes.push(`${basename(folder)}/${basename(file)}: md5 ${md5.digest('hex')}.`);
    });
    const dataset = sharedDataset({
      name,
      classNames,
      imageShape: { height: side, width: side, channels: 3 },
      shared: { pixels, rows: everyRow(count), labels },
      fingerprint: whole.digest('hex'),
    });
    notes.push(balanceNote(dataset, split));
    return dataset;
  };
  const train = read('train');
  const test = read('test');
  notes.push(archiveNote(layout, folder));
  return { train, test, notes };
}

function findFolder(layout: Layout, root: string): string {
  const candidates = [resolve(root), join(resolve(root), layout.folder)];
  const wanted = [...layout.train, ...layout.test, layout.classNames];
  const missing = (folder: string) => wanted.filter(file => !existsSync(join(folder, file)));
  const found = candidates.find(folder => missing(folder).length === 0);
  if (found !== undefined) return found;
  const partial = candidates.find(folder => missing(folder).length < wanted.length);
  throw new DataError(
    partial === undefined
      ? `The files of ${layout.folder} are missing: ${wanted.join(', ')}.`
      : `Files of ${layout.folder} are missing: ${missing(partial).join(', ')}.`,
    {
      where: partial ?? `looked in ${candidates.join(' and ')}`,
      next:
        `Unpack the authors' archive ${layout.archive.name} (www.cs.toronto.edu/~kriz/cifar.html, binary version), then ` +
        'name its folder with --data DIR, the environment variable GALA_DATA or data.root in the config.',
    },
  );
}

function readClassNames(layout: Layout, folder: string): string[] {
  const path = join(folder, layout.classNames);
  const names = attempt(path, () => readText(path))
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

/** Reads one file piece by piece (it may be 150 MB) into rows `first…` of `pixels` and `labels`. */
function readRecords(
  path: string,
  layout: Layout,
  count: number,
  pixels: Uint8Array,
  labels: Int32Array,
  first: number,
  onBytes: (bytes: Uint8Array) => void,
): void {
  const record = recordBytes(layout);
  const file = attempt(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)); // a named pipe would block
  try {
    checkSize(path, fstatSync(file).size, record, count, layout);
    const piece = Buffer.alloc(recordsPerRead * record);
    for (let done = 0; done < count; ) {
      const wanted = Math.min(recordsPerRead, count - done) * record;
      const bytes = piece.subarray(0, wanted);
      let filled = 0;
      while (filled < wanted) {
        const got = attempt(path, () => readSync(file, bytes, filled, wanted - filled, null));
        if (got === 0) checkSize(path, done * record + filled, record, count, layout); // shrank while being read
        filled += got;
      }
      onBytes(bytes);
      for (let offset = 0; offset < wanted; offset += record, done++) {
        layout.labels.forEach((values, i) => {
          if (bytes[offset + i]! >= values) throw badLabel(path, done, bytes[offset + i]!, values, layout);
        });
        labels[first + done] = bytes[offset + layout.labels.length - 1]!;
        interleave(bytes, offset + layout.labels.length, pixels, (first + done) * pixelBytes);
      }
    }
  } finally {
    closeSync(file);
  }
}

function recordBytes(layout: Layout): number {
  return layout.labels.length + pixelBytes;
}

/** Class names are a page of text; a larger file is something else, given by mistake. */
function readText(path: string): string {
  const { size } = statSync(path);
  if (size > 1 << 20) throw new Error(`it has ${size} bytes, a list of class names a few hundred`);
  return readFileSync(path, 'utf8');
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new DataError(`The file could not be read: ${(error as Error).message}`, {
      where: path,
      next: 'Check that it is a file and its permissions; if it is damaged, unpack the archive again.',
      cause: error,
    });
  }
}

/** Planar RGB → HWC. */
function interleave(from: Uint8Array, start: number, into: Uint8Array, at: number): void {
  for (let i = 0, out = at; i < plane; i++, out += 3) {
    into[out] = from[start + i]!;
    into[out + 1] = from[start + plane + i]!;
    into[out + 2] = from[start + 2 * plane + i]!;
  }
}

function checkSize(path: string, size: number, record: number, count: number, layout: Layout): void {
  if (size === count * record) return;
  const rest = size % record;
  throw new DataError(
    `${size} bytes where ${count} records of ${record} bytes are expected (${count * record}): ` +
      (rest === 0 ? `it holds ${size / record} records.` : `the file ends inside record ${Math.floor(size / record)}.`),
    { where: path, next: `The file is truncated or of another layout: unpack ${layout.archive.name} again.` },
  );
}

function badLabel(path: string, record: number, label: number, values: number, layout: Layout): DataError {
  return new DataError(`Label ${label} is out of range 0…${values - 1}.`, {
    where: `${path}, record ${record}`,
    next: `The file is damaged or of another layout: unpack ${layout.archive.name} again.`,
  });
}

function balanceNote(dataset: Dataset, split: string): string {
  const counts = classCounts(dataset);
  const expected = dataset.length / counts.length;
  const odd = counts.findIndex(count => count !== expected);
  return odd === -1
    ? `${dataset.name} ${split}: ${expected} images in each of ${counts.length} classes, as in the official set.`
    : `${dataset.name} ${split}: class ${odd} (${dataset.classNames[odd]}) has ${counts[odd]} images, the official set has ${expected}.`;
}

/** The authors publish the md5 of the archives, not of the files inside: it can be compared only where the archive lies beside them. */
function archiveNote({ archive }: Layout, folder: string): string {
  const path = [folder, dirname(folder)].map(place => join(place, archive.name)).find(place => existsSync(place));
  if (path === undefined) {
    return `Official md5 not compared: it is published for ${archive.name} (${archive.md5}), which does not lie beside the files.`;
  }
  let md5: string;
  try {
    md5 = createHash('md5').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return `Official md5 not compared: ${archive.name} beside the files cannot be read (${(error as Error).message}).`;
  }
  return md5 === archive.md5
    ? `${archive.name} beside the files has the official md5 ${md5}.`
    : `${archive.name} beside the files has md5 ${md5}, the official one is ${archive.md5}.`;
}
