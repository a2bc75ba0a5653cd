import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCifar } from '../../src/data/cifar/cifar.js';
import { classCounts, subset } from '../../src/data/dataset.js';
import { cifar10 } from '../../src/data/sets/cifar10.js';
import { cifar100 } from '../../src/data/sets/cifar100.js';
import { DataError } from '../../src/errors.js';
import { imageOf } from '../imageOf.js';
import { describeUnless, sharedPath } from '../shared.js';

const scratch = mkdtempSync(join(tmpdir(), 'gala-cifar-'));
after(() => rmSync(scratch, { recursive: true }));
const cache = join(scratch, 'cache');
const environment = { GALA_CACHE: cache };

/** A file of the official size that is all zeros (sparse, so it costs no disk) but for the given bytes. */
function sparseFile(path: string, size: number, bytes: readonly (readonly [number, Uint8Array])[] = []): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  for (const [offset, values] of bytes) writeSync(file, values, 0, values.length, offset);
  closeSync(file);
}

const names = (count: number) => Array.from({ length: count }, (_, c) => `name${c}\n`).join('');

function cifar100Folder(trainSize: number, trainBytes: Parameters<typeof sparseFile>[2] = []): string {
  const root = mkdtempSync(join(scratch, 'c100-'));
  const folder = join(root, 'cifar-100-binary');
  sparseFile(join(folder, 'train.bin'), trainSize, trainBytes);
  sparseFile(join(folder, 'test.bin'), 10_000 * 3074);
  writeFileSync(join(folder, 'fine_label_names.txt'), names(100));
  return root;
}

function rejects(root: string, message: RegExp, where: RegExp, next = /cifar-100-binary\.tar\.gz/): void {
  assert.throws(
    () => openCifar(cifar100, root, { environment }),
    (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, message);
      assert.match(error.where!, where);
      assert.match(error.next!, next);
      return true;
    },
  );
}

describe('CIFAR-10 in the binary layout', () => {
  const folder = join(scratch, 'ten', 'cifar-10-batches-bin');
  const record = 3073;
  // Record 7 of batch 3: class 9, red rises, green falls, blue is 5.
  const planar = Uint8Array.from({ length: 3072 }, (_, i) => (i < 1024 ? i % 256 : i < 2048 ? 255 - (i % 256) : 5));
  for (let batch = 1; batch <= 5; batch++) {
    const bytes = batch === 3 ? ([[7 * record, Uint8Array.of(9, ...planar)]] as const) : [];
    sparseFile(join(folder, `data_batch_${batch}.bin`), 10_000 * record, bytes);
  }
  sparseFile(join(folder, 'test_batch.bin'), 10_000 * record, [[9999 * record, Uint8Array.of(4, 1, 2)]]);
  writeFileSync(join(folder, 'batches.meta.txt'), `${names(10)}\n`);
  const { train, test: testSplit, notes } = openCifar(cifar10, folder, { environment });

  test('joins the five batches and gives HWC pixels', () => {
    assert.equal(train.length, 50_000);
    assert.equal(train.label(20_007), 9);
    assert.equal(train.label(20_006), 0);
    const image = imageOf(train, 20_007);
    for (const pixel of [0, 1, 33, 1023]) {
      assert.deepEqual([...image.subarray(3 * pixel, 3 * pixel + 3)], [pixel % 256, 255 - (pixel % 256), 5]);
    }
  });

  test('reads the last record and the class names', () => {
    assert.equal(testSplit.length, 10_000);
    assert.equal(testSplit.label(9999), 4);
    assert.deepEqual([...train.classNames], names(10).trim().split('\n'));
  });

  test('notes files that differ from the official ones without refusing them', () => {
    assert.ok(notes.some(note => /class 0 \(name0\) has 49999 images, the official set has 5000/.test(note)));
    assert.ok(notes.some(note => /c32a1d4ab5d03f1284b67883e8d87530.*does not lie beside/.test(note)));
    assert.equal(notes.join().match(/\.bin has md5 [0-9a-f]{32};/g)?.length, 6);
    assert.equal(notes.filter(note => /remembered until its files change/.test(note)).length, 1);
  });
});

test('reads the images of a subset, in its order, those that it has twice included', () => {
  const bytes = [3, 49_999].map(index => [index * 3074 + 1, Uint8Array.of(index % 100, index % 200)] as const);
  const { train } = openCifar(cifar100, cifar100Folder(50_000 * 3074, bytes), { environment });
  const part = subset(train, Int32Array.of(49_999, 3, 0, 49_999));
  const firstBytes = Array.from({ length: 4 }, (_, i) => [part.label(i), ...imageOf(part, i).subarray(0, 4)]);
  const last = [99, 199, 0, 0, 0];
  assert.deepEqual(firstBytes, [last, [3, 3, 0, 0, 0], [0, 0, 0, 0, 0], last]);
  assert.equal(part.shared!.pixels.length, 4 * 3072);
});

test('what the files hold is remembered until one changes, be it in neither size nor time', async () => {
  const root = cifar100Folder(50_000 * 3074, [[7 * 3074 + 1, Uint8Array.of(5)]]);
  const path = join(root, 'cifar-100-binary', 'train.bin');
  const written = new Date('2020-01-01');
  utimesSync(path, written, written);
  const open = (anew = false) => openCifar(cifar100, root, { environment, anew });
  const isFirstLook = ({ notes }: ReturnType<typeof openCifar>) => /read whole/.test(notes.join());
  const memories = () => readdirSync(join(cache, 'verified'));
  mkdirSync(join(cache, 'verified'), { recursive: true });
  const before = new Set(memories());
  assert.ok(isFirstLook(open()));
  assert.deepEqual(memories(), [...before], 'a file that was written a moment ago may be written again unnoticed');

  await sleep(2100);
  const first = open();
  assert.ok(isFirstLook(first));
  const again = open();
  assert.ok(!isFirstLook(again));
  assert.deepEqual(again.notes, first.notes.slice(1), 'what is odd is told each time');
  assert.ok(again.notes.length > 0);
  assert.deepEqual(
    [again.train.fingerprint, again.test.fingerprint, again.train.label(7)],
    [first.train.fingerprint, first.test.fingerprint, 5],
  );
  assert.ok(isFirstLook(open(true)));

  const memory = memories().find(name => !before.has(name))!;
  writeFileSync(join(cache, 'verified', memory), 'damaged');
  assert.ok(isFirstLook(open()));
  assert.ok(!isFirstLook(open()));

  const file = openSync(path, 'r+');
  writeSync(file, Uint8Array.of(100), 0, 1, 3074 + 1);
  closeSync(file);
  utimesSync(path, written, written);
  assert.throws(() => open(), /Label 100 is out of range/);
});

describe('a bad CIFAR-100 folder', () => {
  test('without files says what was looked for, where, and how to get it', () => {
    const root = mkdtempSync(join(scratch, 'none-'));
    rejects(root, /train\.bin, test\.bin, fine_label_names\.txt/, new RegExp(`${root} and ${root}.cifar-100-binary`));
    rejects(join(root, 'absent'), /missing/, /absent/, /--data DIR.*GALA_DATA.*data\.root/);
  });

  test('with some of the files names the missing one', () => {
    const root = cifar100Folder(50_000 * 3074);
    rmSync(join(root, 'cifar-100-binary', 'test.bin'));
    rejects(root, /are missing: test\.bin\.$/, /cifar-100-binary$/);
  });

  test('with a truncated file says where it ends', () => {
    rejects(cifar100Folder(50_000 * 3074 - 1), /153699999 bytes .* ends inside record 49999/, /train\.bin$/);
    rejects(cifar100Folder(49_999 * 3074), /holds 49999 records/, /train\.bin$/);
  });

  test('with a label out of range names the record', () => {
    const fine = cifar100Folder(50_000 * 3074, [[1234 * 3074 + 1, Uint8Array.of(100)]]);
    rejects(fine, /Label 100 is out of range 0…99/, /train\.bin, record 1234$/);
    const coarse = cifar100Folder(50_000 * 3074, [[3074, Uint8Array.of(20)]]);
    rejects(coarse, /Label 20 is out of range 0…19/, /train\.bin, record 1$/);
  });

  test('with too few class names is refused', () => {
    const root = cifar100Folder(50_000 * 3074);
    writeFileSync(join(root, 'cifar-100-binary', 'fine_label_names.txt'), names(99));
    rejects(root, /99 class names where 100/, /fine_label_names\.txt$/);
  });
});

const real = sharedPath('data', 'cifar-100-binary');
describeUnless(real === undefined && 'no ../shared/data/cifar-100-binary beside the checkout', 'real CIFAR-100', () => {
  test('has 500 and 100 images a class, its known fingerprints and channel means', () => {
    const { train, test: testSplit, notes } = openCifar(cifar100, real!, { environment, anew: true });
    assert.ok(classCounts(train).every(count => count === 500));
    assert.ok(classCounts(testSplit).every(count => count === 100));
    assert.equal(train.fingerprint, '355df4e0e2027fc3706030e038b3060121b05879fb776c70fed8e3abcd63b374');
    assert.equal(testSplit.fingerprint, '9870fbf7e392e5fb0f8e1048a4dc347d0701fb14a15ea2e40b35dd805fa48f93');
    assert.equal(train.classNames[0], 'apple');
    assert.match(notes.join('\n'), /^.*500 train images.* as in the official set; 100 test images.* official set\.$/);
    const sums = [0, 0, 0];
    const { pixels } = train.shared!;
    for (let i = 0; i < pixels.length; i += 3) for (let c = 0; c < 3; c++) sums[c]! += pixels[i + c]!;
    const means = sums.map(sum => (sum / (pixels.length / 3) / 255).toFixed(4));
    assert.deepEqual(means, ['0.5071', '0.4865', '0.4409']);
  });
});
