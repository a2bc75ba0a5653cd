import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openCifar } from '../../src/data/cifar/cifar.js';
import { readCifarBatch, readCifarNames } from '../../src/data/cifar/pickle.js';
import { checkCifarFile, recordPieces } from '../../src/data/cifar/records.js';
import { cifar100 } from '../../src/data/sets/cifar100.js';
import { DataError } from '../../src/errors.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { cifarPickle } from './cifarPickles.js';

const { python, binary } = cifar100.archives;
const count = 3;
const pixels = Uint8Array.from({ length: count * 3072 }, (_, i) => i * 7);
const batch = { filenames: ['a.png', 'b.png', 'c.png'], fine_labels: [99, 0, 7], coarse_labels: [19, 0, 3] };
const read = (file: Buffer, records = count) => readCifarBatch(file, 'train', python, records);

describe('a pickled batch', () => {
  test('gives pixels and both labels', () => {
    const found = read(cifarPickle(batch, { count, bytes: pixels }));
    assert.deepEqual(Buffer.compare(found.pixels, pixels), 0);
    assert.deepEqual(found.labels, [
      [19, 0, 3],
      [99, 0, 7],
    ]);
  });

  for (const writer of [2, 3, 5] as const)
    test(`written again by protocol ${writer} of Python 3 gives the same`, () => {
      const found = read(cifarPickle(batch, { count, bytes: pixels }, writer));
      assert.deepEqual(Buffer.compare(found.pixels, pixels), 0);
      assert.deepEqual(found.labels, [batch.coarse_labels, batch.fine_labels]);
      const meta = cifarPickle({ fine_label_names: ['apple', 'bear'] }, undefined, writer);
      assert.deepEqual(readCifarNames(meta, 'meta', python), ['apple', 'bear']);
    });

  test('whose pixels are a text of other letters than Latin-1 is refused: no pixel is guessed', () => {
    const file = cifarPickle(batch, { count, bytes: pixels.map(value => value & 0x7f) }, 2);
    const at = file.lastIndexOf('latin1') - 100;
    for (const letter of [[0xff], [0xc8, 0x80]]) {
      const changed = Buffer.concat([file.subarray(0, at), Buffer.from(letter), file.subarray(at + letter.length)]);
      assert.throws(() => read(changed), /text that is not of Latin-1/);
    }
    const utf8 = Buffer.concat([
      file.subarray(0, at),
      Buffer.from(file.subarray(at).toString('latin1').replace('latin1', 'utf-16'), 'latin1'),
    ]);
    assert.throws(() => read(utf8), /text that is not of Latin-1/);
  });

  test('cannot take more memory than its size allows, however often it recalls a text', () => {
    const letters = 100_000;
    // A text of that many letters is kept, and its bytes are asked for again and again.
    const again = 'h\x00h\x01\x86h\x02\x85R0'.replace('h\x01\x86h\x02\x85', 'h\x01h\x02\x86');
    const long = Buffer.alloc(4);
    long.writeInt32LE(letters);
    const file = Buffer.concat([
      Buffer.from('\x80\x02c_codecs\nencode\nq\x00X', 'latin1'),
      long,
      Buffer.alloc(letters, 'a'),
      Buffer.from('q\x01X\x06\x00\x00\x00latin1q\x02', 'latin1'),
      Buffer.from(again.repeat(1000), 'latin1'),
      Buffer.from('}.', 'latin1'),
    ]);
    assert.throws(
      () => readCifarNames(file, 'meta', python),
      /it copies its texts until they are larger than the file/,
    );
  });

  test('that lacks something, or has it in another size, is refused with the reason', () => {
    const refused = (file: Buffer, message: RegExp, records = count) =>
      assert.throws(
        () => read(file, records),
        (error: unknown) => {
          assert.ok(error instanceof DataError, String(error));
          assert.match(error.message, message);
          assert.match(error.next!, /unpack cifar-100-python\.tar\.gz again/);
          return true;
        },
      );
    const data = { count, bytes: pixels };
    refused(cifarPickle(batch), /no array of bytes "data"/);
    refused(cifarPickle({ labels: [1, 2, 3] }, data), /no list of 3 "coarse_labels"/);
    refused(cifarPickle({ ...batch, fine_labels: [1, 2] }, data), /no list of 3 "fine_labels"/);
    refused(
      cifarPickle({ ...batch, fine_labels: [1, 100, 2] }, data),
      /record 1 of "fine_labels" is 100, out of range 0…99/,
    );
    refused(cifarPickle(batch, data), /\[3,3072\] of 9216 bytes, not \[4,3072\]/, 4);
    refused(cifarPickle(batch, { count: 4, bytes: pixels }), /\[4,3072\] of 9216 bytes, not/, 4);
    refused(cifarPickle(batch, data).subarray(0, 5000), /ends in the middle/);
    refused(Buffer.from('no pickle'), /operation 0x6e/);
  });

  test('that calls for anything else is refused, and nothing of it is run', () => {
    for (const call of ['cos\nsystem\n', 'cbuiltins\neval\n', 'cnumpy\nload\n']) {
      const file = Buffer.from(`\x80\x02}(U\x04data${call}U\x04true\x85Ru.`, 'latin1');
      assert.throws(() => read(file), /which CIFAR does not need; nothing of it was run/);
    }
  });

  test('gives class names', () => {
    const meta = cifarPickle({ coarse_label_names: ['fish'], fine_label_names: ['apple', 'bear'] });
    assert.deepEqual(readCifarNames(meta, 'meta', python), ['apple', 'bear']);
    assert.throws(
      () => readCifarNames(cifarPickle({ label_names: ['x'] }), 'meta', python),
      /no list "fine_label_names"/,
    );
  });
});

test('the Python and the binary layout of the same images give the same records', () => {
  const folder = temporaryFolder();
  const [pickled, plain] = [join(folder, 'train'), join(folder, 'train.bin')];
  writeFileSync(pickled, cifarPickle(batch, { count, bytes: pixels }));
  const records = [0, 1, 2].map(i => [
    batch.coarse_labels[i]!,
    batch.fine_labels[i]!,
    ...pixels.subarray(i * 3072, (i + 1) * 3072),
  ]);
  writeFileSync(plain, Buffer.from(records.flat()));
  for (const [path, layout] of [
    [pickled, python],
    [plain, binary],
  ] as const) {
    const heard: Uint8Array[] = [];
    const pieces = [...recordPieces(path, layout, count, bytes => heard.push(Uint8Array.from(bytes)))].map(piece => [
      ...piece,
    ]);
    assert.deepEqual(pieces.flat(), records.flat());
    assert.deepEqual(Buffer.concat(heard), readFileSync(path));
  }
});

test('a file of pixels that take two bytes each is not too large, one of any size is', () => {
  const path = join(temporaryFolder(), 'train');
  const bright = cifarPickle(batch, { count, bytes: new Uint8Array(count * 3072).fill(200) }, 2);
  writeFileSync(path, bright);
  assert.doesNotThrow(() => checkCifarFile(path, python, count));
  writeFileSync(path, Buffer.concat([bright, Buffer.alloc(2 ** 21)]));
  assert.throws(() => checkCifarFile(path, python, count), /bytes, where 3 images and their labels are expected/);
});

test('the Python archive opens as a dataset; its files are compared with the official checksums', () => {
  const folder = join(temporaryFolder(), python.folder);
  mkdirSync(folder);
  for (const [split, records] of Object.entries(python.recordsPerFile)) {
    const [fine_labels, coarse_labels] = [100, 20].map(classes =>
      Array.from({ length: records }, (_, i) => (i * 7) % classes),
    );
    const lists = { coarse_labels: coarse_labels!, fine_labels: fine_labels! };
    writeFileSync(join(folder, split), cifarPickle(lists, { count: records, bytes: new Uint8Array(records * 3072) }));
  }
  const names = Array.from({ length: 100 }, (_, c) => `name${c}`);
  writeFileSync(join(folder, 'meta'), cifarPickle({ fine_label_names: names }));
  const {
    train,
    test: testSplit,
    notes,
  } = openCifar(cifar100, join(folder, '..'), {
    environment: { GALA_CACHE: join(folder, 'cache') },
  });
  assert.deepEqual([train.length, testSplit.length], [50_000, 10_000]);
  assert.equal(train.label(49_999), (49_999 * 7) % 100);
  assert.deepEqual([...train.classNames], names);
  assert.ok(
    notes.some(note => /cifar-100-python: train has md5 [0-9a-f]{32}, the official one is 16019d7e/.test(note)),
  );
  assert.ok(!notes.some(note => /not compared/.test(note)));
});
