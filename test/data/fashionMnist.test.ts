import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { classCounts } from '../../src/data/dataset.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';
import { DataError } from '../../src/errors.js';
import { sha256 } from '../../src/io/hash.js';
import { imageOf } from '../imageOf.js';

const scratch = mkdtempSync(join(tmpdir(), 'gala-idx-'));
after(() => rmSync(scratch, { recursive: true }));
const bundled = bundledFashionMnistLt();

/** A copy of the bundled set with one file replaced by edited plain bytes. */
function damagedCopy(file: string, edit: (bytes: Buffer) => Buffer): string {
  const folder = mkdtempSync(join(scratch, 'copy-'));
  for (const name of readdirSync(bundled).filter(entry => entry.endsWith('.gz'))) {
    copyFileSync(join(bundled, name), join(folder, name));
  }
  rmSync(join(folder, `${file}.gz`));
  writeFileSync(join(folder, file), edit(gunzipSync(readFileSync(join(bundled, `${file}.gz`)))));
  return folder;
}

describe('the bundled Fashion-MNIST-LT', () => {
  const { train, test: testSplit } = openIdxSet(bundled);

  test('has 500 down to 5 training images and 200 test images a class', () => {
    assert.deepEqual([...classCounts(train)], [500, 299, 179, 107, 64, 38, 23, 13, 8, 5]);
    assert.deepEqual([...classCounts(testSplit)], new Array(10).fill(200));
    assert.deepEqual(train.imageShape, { height: 28, width: 28, channels: 1 });
  });

  test('holds the files that its README names, under 2 MB', () => {
    const readme = readFileSync(join(bundled, 'README.md'), 'utf8');
    const files = readdirSync(bundled).filter(name => name.endsWith('.gz'));
    assert.equal(files.length, 4);
    for (const name of files) {
      assert.ok(readme.includes(`${sha256(readFileSync(join(bundled, name)))}  ${name}`), name);
    }
    const size = readdirSync(bundled).reduce((sum, name) => sum + statSync(join(bundled, name)).size, 0);
    assert.ok(size < 2_000_000, `${size} bytes`);
  });

  test('has pictures with content and no picture twice', () => {
    const seen = new Set<string>();
    for (const split of [train, testSplit]) {
      for (let i = 0; i < split.length; i++) {
        const image = imageOf(split, i);
        seen.add(sha256(image));
        assert.ok(image.some(byte => byte > 100));
      }
    }
    assert.equal(seen.size, train.length + testSplit.length);
  });

  test('reads the same from plain files as from packed ones', () => {
    const plain = damagedCopy('train-images-idx3-ubyte', bytes => bytes);
    assert.equal(openIdxSet(plain).train.fingerprint, train.fingerprint);
    assert.notEqual(train.fingerprint, testSplit.fingerprint);
  });
});

describe('a bad idx set', () => {
  const rejects = (folder: string, message: RegExp, where: RegExp) =>
    assert.throws(
      () => openIdxSet(folder),
      (error: unknown) =>
        error instanceof DataError && message.test(error.message) && where.test(error.where ?? '') && !!error.next,
    );

  test('a missing file is named with its folder', () => {
    const folder = mkdtempSync(join(scratch, 'empty-'));
    rejects(folder, /train-images-idx3-ubyte .* is missing/, new RegExp(folder));
  });

  test('another magic number is an error', () => {
    const folder = damagedCopy('train-images-idx3-ubyte', bytes => {
      bytes.writeUInt32BE(0x801, 0);
      return bytes;
    });
    rejects(folder, /Magic number 0x00000801 .* 0x00000803/, /train-images/);
  });

  test('a truncated file is an error', () => {
    rejects(
      damagedCopy('t10k-images-idx3-ubyte', bytes => bytes.subarray(0, bytes.length - 1)),
      /1568015 bytes where the header announces 1568016/,
      /t10k-images/,
    );
    rejects(
      damagedCopy('t10k-labels-idx1-ubyte', bytes => bytes.subarray(0, 6)),
      /header is cut off/,
      /t10k-labels/,
    );
  });

  test('a label out of range is named with its record', () => {
    const folder = damagedCopy('train-labels-idx1-ubyte', bytes => {
      bytes[8 + 17] = 10;
      return bytes;
    });
    rejects(folder, /Label 10 is out of range/, /train-labels.*record 17/);
  });

  test('labels that do not fit the images are an error', () => {
    const folder = damagedCopy('train-labels-idx1-ubyte', bytes => {
      bytes.writeUInt32BE(1235, 4);
      return bytes.subarray(0, bytes.length - 1);
    });
    rejects(folder, /1236 images but 1235 labels/, /train-images.*train-labels/);
  });

  test('a damaged gzip file is an error with its path', () => {
    const folder = damagedCopy('train-labels-idx1-ubyte', bytes => bytes);
    const packed = gzipSync(readFileSync(join(folder, 'train-labels-idx1-ubyte')));
    writeFileSync(join(folder, 'train-labels-idx1-ubyte.gz'), packed.subarray(0, packed.length - 10));
    rejects(folder, /could not be read: unexpected end of file/, /train-labels-idx1-ubyte\.gz/);
    writeFileSync(join(folder, 'train-labels-idx1-ubyte.gz'), 'not gzip');
    rejects(folder, /Magic number 0x6e6f7420/, /train-labels-idx1-ubyte\.gz/);
  });

  test(
    'a small packed file that unpacks to more than it says, or says more than it can hold, gets no memory ' + 'for it',
    () => {
      const folder = damagedCopy('train-labels-idx1-ubyte', bytes => bytes);
      const labels = readFileSync(join(folder, 'train-labels-idx1-ubyte'));
      writeFileSync(
        join(folder, 'train-labels-idx1-ubyte.gz'),
        gzipSync(Buffer.concat([labels, Buffer.alloc(9_000_000)])),
      );
      rejects(folder, /unpacks to more bytes than it should hold/, /train-labels/);
      labels.writeUInt32BE(2 ** 31, 4);
      writeFileSync(join(folder, 'train-labels-idx1-ubyte.gz'), gzipSync(labels));
      rejects(folder, /compressed bytes cannot hold what the header announces 2147483656/, /train-labels/);
    },
  );
});
