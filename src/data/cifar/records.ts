/**
 * The records of one file of CIFAR in pieces, whatever its form: label bytes, then 3,072 pixel bytes (planes of red,
 * green, blue), as in the binary archive. So both forms of the same images have the same fingerprint.
 */
import { closeSync, readSync, statSync } from 'node:fs';
import { DataError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { openRegularFile, readRegularFile } from '../../io/regularFile.js';
import type { CifarLayout } from '../sets/definition.js';
import { readCifarBatch } from './pickle.js';

export const pixelBytes = 3 * 32 * 32;
const recordsPerPiece = 1000;

/**
 * Protocol 2 of Python 3 takes two bytes for a pixel above 127; beside the pixels are labels, the name of each image,
 * and a little around them.
 */
const largestPickle = (count: number) => 2 * count * pixelBytes + 2 ** 20 + 256 * count;
const largestNames = 2 ** 20;

/** Throws `DataError` for a file that cannot hold `count` records: before memory is taken for what it should hold. */
export function checkCifarFile(path: string, layout: CifarLayout, count: number): void {
  const { size } = attemptRead(path, () => statSync(path));
  if (layout.form === 'binary') checkSize(path, size, layout.labels.length + pixelBytes, count, layout);
  else if (size < count * pixelBytes || size > largestPickle(count)) {
    throw new DataError(
      `${size} bytes, where ${count} images and their labels are expected (about ${count * pixelBytes}).`,
      {
        where: path,
        next: `The file is truncated or of another dataset: unpack ${layout.archive.name} again.`,
      },
    );
  }
}

/** The bytes of the file of class names, which is small. Throws `DataError`. */
export function readNamesFile(path: string): Buffer {
  return attemptRead(path, () => readRegularFile(path, largestNames));
}

function attemptRead<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new DataError(`The file could not be read: ${reasonOf(error)}`, {
      where: path,
      next: 'Check that it is a file and its permissions; if it is damaged, unpack the archive again.',
      cause: error,
    });
  }
}

/**
 * Yields `count` records in pieces of whole records, each valid until the next one; `onFileBytes` hears every byte of
 * the file, in order. Throws `DataError` for a file of another size or form.
 */
export function* recordPieces(
  path: string,
  layout: CifarLayout,
  count: number,
  onFileBytes: (bytes: Uint8Array) => void = () => undefined,
): Generator<Uint8Array> {
  if (layout.form === 'binary') yield* binaryPieces(path, layout, count, onFileBytes);
  else yield* pythonPieces(path, layout, count, onFileBytes);
}

function* binaryPieces(
  path: string,
  layout: CifarLayout,
  count: number,
  onFileBytes: (bytes: Uint8Array) => void,
): Generator<Uint8Array> {
  const record = layout.labels.length + pixelBytes;
  const { descriptor: file, size } = attemptRead(path, () => openRegularFile(path));
  try {
    checkSize(path, size, record, count, layout);
    const piece = Buffer.alloc(recordsPerPiece * record);
    for (let done = 0; done < count; done += recordsPerPiece) {
      const wanted = Math.min(recordsPerPiece, count - done) * record;
      const bytes = piece.subarray(0, wanted);
      let filled = 0;
      while (filled < wanted) {
        const got = attemptRead(path, () => readSync(file, bytes, filled, wanted - filled, null));
        if (got === 0) checkSize(path, done * record + filled, record, count, layout); // shrank while being read
        filled += got;
      }
      onFileBytes(bytes);
      yield bytes;
    }
  } finally {
    closeSync(file);
  }
}

function* pythonPieces(
  path: string,
  layout: CifarLayout,
  count: number,
  onFileBytes: (bytes: Uint8Array) => void,
): Generator<Uint8Array> {
  const file = attemptRead(path, () => readRegularFile(path, largestPickle(count)));
  onFileBytes(file);
  const { pixels, labels } = readCifarBatch(file, path, layout, count);
  const record = layout.labels.length + pixelBytes;
  const piece = new Uint8Array(recordsPerPiece * record);
  for (let done = 0; done < count; done += recordsPerPiece) {
    const records = Math.min(recordsPerPiece, count - done);
    for (let i = 0; i < records; i++) {
      labels.forEach((values, l) => {
        piece[i * record + l] = values[done + i]!;
      });
      const start = (done + i) * pixelBytes;
      piece.set(pixels.subarray(start, start + pixelBytes), i * record + labels.length);
    }
    yield piece.subarray(0, records * record);
  }
}

function checkSize(path: string, size: number, record: number, count: number, layout: CifarLayout): void {
  if (size === count * record) return;
  const rest = size % record;
  throw new DataError(
    `${size} bytes where ${count} records of ${record} bytes are expected (${count * record}): ` +
      (rest === 0 ? `it holds ${size / record} records.` : `the file ends inside record ${Math.floor(size / record)}.`),
    { where: path, next: `The file is truncated or of another layout: unpack ${layout.archive.name} again.` },
  );
}
