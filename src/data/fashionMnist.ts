/** Reads datasets in the idx format, such as Fashion-MNIST and its long-tailed subset that comes with gala. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { sha256 } from '../io/hash.js';
import { largestGzipRatio, openPlainOrGzip } from '../io/plainOrGzip.js';
import { bundledFolder } from './bundled.js';
import type { Dataset } from './dataset.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from './dataset.js';

/** Class names of Fashion-MNIST in label order. */
export const fashionMnistClassNames: readonly string[] = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

const imagesMagic = 0x00000803; // unsigned bytes, three dimensions
const labelsMagic = 0x00000801; // unsigned bytes, one dimension

/** Folder of the bundled Fashion-MNIST-LT. Throws `DataError` when it is missing. */
export function bundledFashionMnistLt(): string {
  return bundledFolder('fashion_mnist_lt');
}

/**
 * Reads the training and test split of an idx set: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same
 * files with `t10k`, each plain or compressed (`.gz`). Images are [H, W, 1]. Throws `DataError` for a missing or
 * damaged file.
 */
export function openIdxSet(folder: string): { train: Dataset; test: Dataset } {
  return { train: readSplit(folder, 'train'), test: readSplit(folder, 't10k') };
}

function readSplit(folder: string, prefix: 'train' | 't10k'): Dataset {
  const imageFile = readIdx(folder, `${prefix}-images-idx3-ubyte`, imagesMagic);
  const labelFile = readIdx(folder, `${prefix}-labels-idx1-ubyte`, labelsMagic);
  const [count = 0, height = 0, width = 0] = imageFile.sizes;
  if (height === 0 || width === 0) {
    throw new DataError(`The images have ${height} × ${width} pixels.`, {
      where: imageFile.path,
      next: 'The file is damaged or is another kind of file: fetch it again.',
    });
  }
  if (labelFile.sizes[0] !== count) {
    throw new DataError(`${count} images but ${labelFile.sizes[0]} labels.`, {
      where: `${imageFile.path}, ${labelFile.path}`,
      next: 'Take both files from the same copy of the dataset.',
    });
  }
  const labels = sharedInt32(count);
  labelFile.values.forEach((label, record) => {
    if (label >= fashionMnistClassNames.length) {
      throw new DataError(`Label ${label} is out of range: the set has ${fashionMnistClassNames.length} classes.`, {
        where: `${labelFile.path}, record ${record}`,
        next: 'The file is damaged or belongs to another dataset: fetch it again.',
      });
    }
    labels[record] = label;
  });
  const pixels = sharedBytes(imageFile.values.length);
  pixels.set(imageFile.values);
  return sharedDataset({
    name: 'fashion_mnist_lt',
    classNames: fashionMnistClassNames,
    imageShape: { height, width, channels: 1 },
    shared: { pixels, rows: everyRow(count), labels },
    fingerprint: sha256(imageFile.values, labelFile.values),
  });
}

/** The sizes and values of an idx file. Its header, big-endian, is a magic number and one size per dimension. */
function readIdx(
  folder: string,
  fileName: string,
  magic: number,
): { path: string; sizes: number[]; values: Uint8Array } {
  const path = [join(folder, `${fileName}.gz`), join(folder, fileName)].find(candidate => existsSync(candidate));
  if (path === undefined) {
    throw new DataError(`The idx file ${fileName} (or ${fileName}.gz) is missing.`, {
      where: folder,
      next: 'Give the folder of the idx files with --data DIR or data.root; without either, the bundled set is read.',
    });
  }
  const file = openPlainOrGzip(path);
  const { start } = file;
  const damaged = (what: string) =>
    new DataError(what, { where: path, next: 'The file is damaged or is another kind of file: fetch it again.' });
  const dimensions = magic & 0xff;
  const header = 4 + 4 * dimensions;
  if (start.length < header) throw damaged(`The idx header is cut off: ${start.length} of ${header} bytes.`);
  if (start.readUInt32BE(0) !== magic) {
    throw damaged(`Magic number 0x${hex(start.readUInt32BE(0))} where an idx file of this kind has 0x${hex(magic)}.`);
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => start.readUInt32BE(4 + 4 * i));
  const expected = header + sizes.reduce((a, b) => a * b, 1);
  const announced = `the header announces ${expected} (${sizes.join(' × ')})`;
  // A small file must not make gala allocate gigabytes, neither by its header nor by its content.
  if (file.isCompressed && expected > largestGzipRatio * file.storedBytes) {
    throw damaged(`${file.storedBytes} compressed bytes cannot hold what ${announced}.`);
  }
  const bytes = file.all(expected + 1);
  if (bytes.length !== expected) throw damaged(`${bytes.length} bytes where ${announced}.`);
  return { path, sizes, values: bytes.subarray(header) };
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
