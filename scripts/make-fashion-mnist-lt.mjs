#!/usr/bin/env node
// Makes datasets/fashion_mnist_lt from the full Fashion-MNIST (Debian's package dataset-fashion-mnist), the same bytes
// every time:  npm run build && node scripts/make-fashion-mnist-lt.mjs [SOURCE]
// Training: floor(500 · (1/100)^(c/9)) images of class c. Test: the first 200 of each class of a seeded shuffle.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { indexHash } from '../dist/src/data/dataset.js';
import { fashionMnistClassNames, openIdxSet } from '../dist/src/data/fashionMnist.js';
import { longTailedCounts } from '../dist/src/data/longTail.js';
import { randomFor, shuffle } from '../dist/src/random.js';

const seed = 0;
const source = process.argv[2] ?? '/usr/share/datasets/fashion-mnist';
const target = resolve(import.meta.dirname, '../datasets/fashion_mnist_lt');
const classes = fashionMnistClassNames.length;

const { train, test } = openIdxSet(source);
mkdirSync(target, { recursive: true });
writeSplit('train', train, longTailedCounts(classes, 500, 100));
writeSplit('t10k', test, new Int32Array(classes).fill(200));

function writeSplit(prefix, dataset, counts) {
  const members = Array.from(counts, () => []);
  for (let i = 0; i < dataset.length; i++) members[dataset.label(i)].push(i);
  const indices = Int32Array.from(
    members.flatMap((indices, c) => [
      ...shuffle(Int32Array.from(indices), randomFor('fashion_mnist_lt', prefix, seed, c)).subarray(0, counts[c]),
    ]),
  ).sort();
  const { height, width } = dataset.imageShape;
  const pixels = new Uint8Array(indices.length * height * width);
  indices.forEach((index, i) => {
    const start = dataset.shared.rows[index] * height * width;
    pixels.set(dataset.shared.pixels.subarray(start, start + height * width), i * height * width);
  });
  const labels = Uint8Array.from(indices, index => dataset.label(index));
  writeIdx(`${prefix}-images-idx3-ubyte.gz`, 0x803, [indices.length, height, width], pixels);
  writeIdx(`${prefix}-labels-idx1-ubyte.gz`, 0x801, [indices.length], labels);
  console.log(`${prefix}: ${indices.length} images (${[...counts].join(', ')}), index hash ${indexHash(indices)}`);
}

function writeIdx(name, magic, sizes, values) {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(magic, 0);
  sizes.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  const bytes = gzipSync(Buffer.concat([header, values]), { level: 9 });
  writeFileSync(join(target, name), bytes);
  console.log(`${createHash('sha256').update(bytes).digest('hex')}  ${name}  (${bytes.length} bytes)`);
}
