/** CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from either of the official archives. */
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../../errors.js';
import { md5 } from '../../io/hash.js';
import { readRegularFile } from '../../io/regularFile.js';
import { classCounts, type Dataset } from '../dataset.js';
import { makeImageKernels } from '../kernels/imageKernels.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from '../pipeline/sharedDataset.js';
import type { CifarLayout } from '../sets/definition.js';
import { type CifarSet, findCifar, isFile } from './layouts.js';
import { readCifarNames } from './pickle.js';
import { checkCifarFile, pixelBytes, readNamesFile, recordPieces } from './records.js';

const side = 32;
const plane = side * side;
/** Bytes; the authors' archives have 0.17 GB. */
const largestArchive = 2 ** 30;

export interface CifarSplits {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Remarks on the files for the run's record: checksums, and whatever differs from the official copy. */
  readonly notes: readonly string[];
}

/**
 * Reads both splits into shared memory, images [32, 32, 3]; `root` is the folder of the files or its parent. Throws
 * `DataError` when a file is missing, has another size than the official one, or holds a label out of range. Other
 * content than the official is a note: the records may be in another order. The same images in the same order have the
 * same fingerprint in either form.
 */
export function openCifar(set: CifarSet, root: string): CifarSplits {
  const { layout, folder } = findCifar(set, root);
  const classNames = readClassNames(layout, folder);
  const notes: string[] = [];
  const read = (split: 'train' | 'test'): Dataset => {
    const perFile = layout.recordsPerFile[split];
    const count = layout[split].length * perFile;
    for (const file of layout[split]) checkCifarFile(join(folder, file), layout, perFile);
    const pixels = sharedBytes(count * pixelBytes);
    const labels = sharedInt32(count);
    const whole = createHash('sha256');
    const unpack = recordUnpacker(layout, pixels, labels);
    layout[split].forEach((file, i) => {
      const path = join(folder, file);
      const hash = createHash('md5');
      let record = i * perFile;
      for (const piece of recordPieces(path, layout, perFile, bytes => hash.update(bytes))) {
        whole.update(piece);
        unpack(piece, record, `${path}, record`, i * perFile);
        record += piece.length / (layout.labels.length + pixelBytes);
      }
      notes.push(fileNote(`${basename(folder)}/${file}`, hash.digest('hex'), layout.md5?.[file]));
    });
    const dataset = sharedDataset({
      name: set.name,
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
  if (layout.md5 === undefined) notes.push(archiveNote(layout, folder));
  return { train, test, notes };
}

function readClassNames(layout: CifarLayout, folder: string): string[] {
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

/** Writes the records of pieces, planar RGB, to the rows of `pixels`, HWC; `where` and `firstRow` are for the error. */
function recordUnpacker(layout: CifarLayout, pixels: Uint8Array, labels: Int32Array) {
  const record = layout.labels.length + pixelBytes;
  const { memory, interleave } = makeImageKernels();
  return (piece: Uint8Array, firstOfPiece: number, where: string, firstRow: number): void => {
    const count = piece.length / record;
    const rows = memory(piece.length + count * pixelBytes);
    rows.set(piece);
    for (let i = 0; i < count; i++) {
      const offset = i * record;
      layout.labels.forEach((values, l) => {
        const label = piece[offset + l]!;
        if (label < values) return;
        throw new DataError(`Label ${label} is out of range 0…${values - 1}.`, {
          where: `${where} ${firstOfPiece + i - firstRow}`,
          next: `The file is damaged or of another layout: unpack ${layout.archive.name} again.`,
        });
      });
      labels[firstOfPiece + i] = piece[offset + layout.labels.length - 1]!;
      interleave(offset + layout.labels.length, plane, piece.length + i * pixelBytes);
    }
    pixels.set(rows.subarray(piece.length, piece.length + count * pixelBytes), firstOfPiece * pixelBytes);
  };
}

function fileNote(file: string, found: string, official: string | undefined): string {
  if (official === undefined) return `${file}: md5 ${found}.`;
  return found === official
    ? `${file} has the official md5 ${found}.`
    : `${file} has md5 ${found}, the official one is ${official}.`;
}

function balanceNote(dataset: Dataset, split: string): string {
  const counts = classCounts(dataset);
  const expected = dataset.length / counts.length;
  const odd = counts.findIndex(count => count !== expected);
  return odd === -1
    ? `${dataset.name} ${split}: ${expected} images in each of ${counts.length} classes, as in the official set.`
    : `${dataset.name} ${split}: class ${odd} (${dataset.classNames[odd]}) has ${counts[odd]} images, the ` +
        `official set has ${expected}.`;
}

/**
 * Of the binary files no md5 is published, only of their archive: it can be compared where the archive lies beside
 * them.
 */
function archiveNote({ archive }: CifarLayout, folder: string): string {
  const path = [folder, dirname(folder)].map(place => join(place, archive.name)).find(isFile);
  if (path === undefined) {
    return (
      `Official md5 not compared: it is published for ${archive.name} (${archive.md5}), which does not lie ` +
      'beside the files.'
    );
  }
  const found = md5(readRegularFile(path, largestArchive));
  return found === archive.md5
    ? `${archive.name} beside the files has the official md5 ${found}.`
    : `${archive.name} beside the files has md5 ${found}, the official one is ${archive.md5}.`;
}
