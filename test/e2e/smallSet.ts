/** A cut of the bundled set, so that a training takes seconds: 312 + 200 images of 8×8 pixels, 125 → 2 a class. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../../src/data/dataset.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import { imageOf } from '../imageOf.js';

const side = 8;
export const smallTrainingImages = 312;
export const smallTestImages = 200;

/** Three epochs of 39 steps, evaluated after each, `best` chosen on test. */
const settings = [
  'train.epochs=3',
  'train.batch_size=8',
  'eval.batch_size=100',
  'eval.every=1',
  'eval.select_on=test',
  'optim.learning_rate=0.02',
  'optim.warmup_learning_rate=0.01',
  'precision=fp32',
  'threads=1',
];

/** Writes the set as idx files. `shift` columns move the cut, for a set of other pixels with the same labels. */
export function writeSmallSet(folder: string, shift = 0): string {
  mkdirSync(folder, { recursive: true });
  const { train, test } = openIdxSet(bundledFashionMnistLt());
  writeSplit(folder, 'train', train, everyFourth(train), shift);
  writeSplit(
    folder,
    't10k',
    test,
    Int32Array.from({ length: smallTestImages }, (_, i) => 10 * i),
    shift,
  );
  return folder;
}

/** Arguments of a short training on the small set; `overrides` go after its own settings. */
export function smallTraining(set: string, output: string, overrides: readonly string[] = []): string[] {
  return ['train', ...smallConfig(overrides), '--data', set, '--output', output];
}

export function smallConfig(overrides: readonly string[] = []): string[] {
  return ['--config', 'fashion_mnist_lt/gala', '--set', ...settings, ...overrides];
}

/** Images 0, 4, 8, … of each class: the profile of the whole set in a quarter of its images. */
function everyFourth({ length, label, classNames }: Dataset): Int32Array {
  const seen = classNames.map(() => 0);
  return Int32Array.from({ length }, (_, i) => i).filter(i => seen[label(i)]!++ % 4 === 0);
}

function writeSplit(folder: string, prefix: string, dataset: Dataset, indices: Int32Array, shift: number): void {
  const { height, width } = dataset.imageShape;
  const [top, left] = [(height - side) >> 1, ((width - side) >> 1) + shift];
  const images = Buffer.alloc(16 + indices.length * side * side);
  [0x0803, indices.length, side, side].forEach((word, i) => {
    images.writeUInt32BE(word, 4 * i);
  });
  const labels = Buffer.alloc(8 + indices.length);
  [0x0801, indices.length].forEach((word, i) => {
    labels.writeUInt32BE(word, 4 * i);
  });
  indices.forEach((index, i) => {
    const image = imageOf(dataset, index);
    labels[8 + i] = dataset.label(index);
    for (let row = 0; row < side; row++) {
      const from = (top + row) * width + left;
      images.set(image.subarray(from, from + side), 16 + (i * side + row) * side);
    }
  });
  writeFileSync(join(folder, `${prefix}-images-idx3-ubyte`), images);
  writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte`), labels);
}
