import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { openCifar } from '../../src/data/cifar/cifar.js';
import { type Dataset, imageBytes } from '../../src/data/dataset.js';
import { openIdxSet } from '../../src/data/fashionMnist.js';
import { cifar10 } from '../../src/data/sets/cifar10.js';
import { idxFile } from '../data/idxFile.js';
import { imageOf } from '../imageOf.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile } from './changes.js';
import { fuzz } from './fuzz.js';

const temporary = temporaryFolder();

/** What every dataset that opens must be: labels in range, pixels for every image. */
function assertWhole(dataset: Dataset): void {
  const { length, label, imageShape, classNames } = dataset;
  for (let i = 0; i < length; i += Math.max(1, length >> 4)) {
    assert.ok(label(i) >= 0 && label(i) < classNames.length);
    assert.equal(imageOf(dataset, i).length, imageBytes(imageShape));
  }
}

// ---- idx files, plain and packed

const images = idxFile(
  [6, 4, 4],
  Uint8Array.from({ length: 96 }, (_, i) => 2 * i),
);
const labels = idxFile([6], Uint8Array.of(0, 1, 2, 3, 9, 9));
/** 1.6 kB that unpack to 1.6 MB, announced by the header or not. */
const zeros = new Uint8Array(1_600_000);
const bombs = [
  gzipSync(idxFile([100_000, 4, 4], zeros)),
  gzipSync(Buffer.concat([images, zeros])),
  gzipSync(idxFile([65_535, 65_535, 65_535], zeros)),
];
const fuzzedIdx = (whole: Buffer, extra: readonly Buffer[] = []) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ name: fc.constant(''), bytes: changedFile(whole) }) },
    { weight: 2, arbitrary: fc.record({ name: fc.constant('.gz'), bytes: changedFile(gzipSync(whole)) }) },
    {
      weight: 2,
      arbitrary: fc.record({ name: fc.constant('.gz'), bytes: changedFile(whole).map(bytes => gzipSync(bytes)) }),
    },
    { weight: 1, arbitrary: fc.record({ name: fc.constant('.gz'), bytes: fc.constantFrom(whole, ...extra) }) },
    { weight: 2, arbitrary: fc.constant({ name: '', bytes: whole }) },
  );

test('An idx set with changed files is opened or refused', t =>
  fuzz(t, fc.tuple(fuzzedIdx(images, bombs), fuzzedIdx(labels)), {
    read: ([imageFile, labelFile]) => {
      const folder = mkdtempSync(join(temporary, 'idx-'));
      try {
        for (const prefix of ['train', 't10k']) {
          writeFileSync(join(folder, `${prefix}-images-idx3-ubyte${imageFile.name}`), imageFile.bytes);
          writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte${labelFile.name}`), labelFile.bytes);
        }
        const { train, test: testSplit } = openIdxSet(folder);
        assertWhole(train);
        assertWhole(testSplit);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    bytes: ([imageFile, labelFile]) => 2 * (imageFile.bytes.length + labelFile.bytes.length) + zeros.length / 20,
  }));

// ---- CIFAR-10: files of the official size are 30 MB, so most of what is changed is around the pixels

const record = 3073;
const officialSize = 10_000 * record;
const batches = [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`).concat('test_batch.bin');
const names = Array.from({ length: 10 }, (_, c) => `name ${c}`).join('\n');

/** A sparse file: zeros, which are images of class 0, but for the given bytes. */
function writeSparse(path: string, size: number, bytes: readonly (readonly [number, Uint8Array])[]): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  for (const [position, values] of bytes) writeSync(file, values, 0, values.length, position);
  closeSync(file);
}

type Damage = (folder: string) => void;
const batch = fc.constantFrom(...batches);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc
    .tuple(
      batch,
      fc.oneof(
        fc.nat(2 * officialSize),
        fc.nat(9).map(rest => officialSize - 5 + rest),
      ),
    )
    .map(
      ([name, size]): Damage =>
        folder =>
          writeSparse(join(folder, name), size, []),
    ),
  // A label out of range, early in the first file: what comes before it has to be read each time.
  fc.tuple(fc.nat(500), fc.nat(255)).map(
    ([image, label]): Damage =>
      folder =>
        writeSparse(join(folder, batches[0]!), officialSize, [
          [image * record, Uint8Array.of(label === 0 ? 10 : Math.max(10, label))],
        ]),
  ),
  batch.map(
    (name): Damage =>
      folder =>
        rmSync(join(folder, name), { recursive: true }),
  ),
  batch.map(
    (name): Damage =>
      folder => {
        rmSync(join(folder, name), { recursive: true });
        mkdirSync(join(folder, name));
      },
  ),
  batch.map(
    (name): Damage =>
      folder => {
        rmSync(join(folder, name), { recursive: true });
        symlinkSync(name, join(folder, name)); // a link to itself
      },
  ),
  fc.oneof(changedFile(Buffer.from(names)), fc.uint8Array()).map(
    (text): Damage =>
      folder => {
        writeFileSync(join(folder, 'batches.meta.txt'), text);
        writeSparse(join(folder, batches[0]!), 5, []); // so that a good list does not cost the reading of 180 MB
      },
  ),
  fc.constant<Damage>(folder => {
    rmSync(join(folder, 'batches.meta.txt'));
    mkdirSync(join(folder, 'batches.meta.txt'));
  }),
);

test('A CIFAR-10 folder with damaged files is refused', t =>
  fuzz(t, damage, {
    read: apply => {
      const folder = mkdtempSync(join(temporary, 'cifar-'));
      try {
        for (const name of batches) writeSparse(join(folder, name), officialSize, []);
        writeFileSync(join(folder, 'batches.meta.txt'), names);
        apply(folder);
        const { train, test: testSplit } = openCifar(cifar10, folder, { environment: { GALA_CACHE: temporary } });
        assertWhole(train);
        assertWhole(testSplit);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    bytes: () => 6 * officialSize,
  }));
