import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fileName, filePath, imageFiles, subsetOfFiles } from '../../src/data/files/imageFiles.js';
import { parseImageList, readImageList } from '../../src/data/files/imageList.js';
import { DataError } from '../../src/errors.js';
import { sharedPath } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';

const parse = (text: string, classes?: number) => parseImageList(Buffer.from(text), 'list.txt', classes);
const pathsOf = (list: ReturnType<typeof parse>) => Array.from(list.labels, (_, i) => filePath(list, i));

describe('an image list', () => {
  test(
    'is read with either line end, with a byte order mark, with tabs and with blank lines, to the same ' + 'content',
    () => {
      const list = parse('train/cat/a.jpg 0\ntrain/cat/b.jpg 0\ntrain/dog/c.jpg 1\n');
      assert.deepEqual(pathsOf(list), ['train/cat/a.jpg', 'train/cat/b.jpg', 'train/dog/c.jpg']);
      assert.deepEqual([...list.labels], [0, 0, 1]);
      assert.deepEqual(list.folders, ['train/cat', 'train/dog']);
      for (const other of [
        'train/cat/a.jpg 0\r\ntrain/cat/b.jpg 0\r\ntrain/dog/c.jpg 1\r\n',
        '\ufefftrain/cat/a.jpg 0\ntrain/cat/b.jpg 0\ntrain/dog/c.jpg 1\n',
        '\ntrain/cat/a.jpg\t0\n\r\ntrain/cat/b.jpg  0 \ntrain/dog/c.jpg 1',
      ]) {
        const same = parse(other);
        assert.deepEqual(pathsOf(same), pathsOf(list));
        assert.equal(same.fingerprint, list.fingerprint);
      }
      assert.notEqual(parse('train/cat/a.jpg 0\ntrain/cat/b.jpg 0\ntrain/dog/c.jpg 0\n').fingerprint, list.fingerprint);
    },
  );

  test(
    'has the sha256 of its file as fingerprint when the file is in the canonical form, however long its ' + 'lines',
    () => {
      const text = Array.from({ length: 5000 }, (_, i) => `${'d'.repeat(i % 97)}/${i}.jpg ${i % 7}\n`).join('');
      const long = `${'x/'.repeat(40_000)}a.jpg 3\n`;
      for (const canonical of [text, long, text + long + text]) {
        assert.equal(parse(canonical).fingerprint, createHash('sha256').update(canonical).digest('hex'));
      }
    },
  );

  test('may have spaces and letters of any script in its paths, and files without a folder', () => {
    const list = parse('a b/c d.jpg 4\nwörter/日本.png 0\nplain.jpg 2\n/absolute/e.jpg 1\n');
    assert.deepEqual(pathsOf(list), ['a b/c d.jpg', 'wörter/日本.png', '/plain.jpg', '/absolute/e.jpg']);
    assert.deepEqual(list.folders, ['a b', 'wörter', '', '/absolute']);
    assert.equal(fileName(list, 1), '日本.png');
  });

  test('with a fault is refused with its line', () => {
    const refused = (text: string, where: string, message: RegExp, classes?: number) =>
      assert.throws(
        () => parse(text, classes),
        (error: unknown) => error instanceof DataError && error.where === where && message.test(error.message),
        text,
      );
    refused('a.jpg 0\nb.jpg\n', 'list.txt:2', /"b.jpg" has no label/);
    refused('a.jpg x\n', 'list.txt:1', /label "x" is not a whole number/);
    refused('a.jpg 0\n\nb.jpg -1\n', 'list.txt:3', /label "-1"/);
    refused('a.jpg 1.5\n', 'list.txt:1', /label "1.5"/);
    refused('a.jpg 99999999999\n', 'list.txt:1', /label "99999999999"/);
    refused('a.jpg 0\nb.jpg 2\n', 'list.txt:2', /Label 2 is out of range: the set has 2 classes/, 2);
    refused('a/ 0\n', 'list.txt:1', /"a\/" is a folder/);
    refused(`${'n'.repeat(256)} 0\n`, 'list.txt:1', /256 bytes/);
    refused('\n \r\n', 'list.txt', /no images/);
    refused('', 'list.txt', /no images/);
  });

  test('may be packed with gzip; a file that is missing or damaged is named', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'list.txt.gz');
    writeFileSync(path, gzipSync('a.jpg 0\n'));
    assert.equal(readImageList(path).labels.length, 1);
    writeFileSync(path, gzipSync('a.jpg 0\n').subarray(0, 15));
    for (const bad of [path, join(folder, 'absent.txt')]) {
      assert.throws(
        () => readImageList(bad),
        (error: unknown) =>
          error instanceof DataError && error.where === bad && /could not be read/.test(error.message),
      );
    }
  });

  test('of a million lines takes little more memory than its text', () => {
    const lines: Buffer[] = [];
    for (let c = 0; c < 1000; c++) {
      lines.push(Buffer.from(Array.from({ length: 1000 }, (_, i) => `train/n${c}/n${c}_${i}.JPEG ${c}\n`).join('')));
    }
    const text = Buffer.concat(lines.splice(0));
    const before = process.memoryUsage();
    const list = parseImageList(text, 'list.txt');
    const after = process.memoryUsage();
    assert.equal(list.labels.length, 1_000_000);
    assert.equal(filePath(list, 999_999), 'train/n999/n999_999.JPEG');
    // 13 bytes a line beside the names themselves; strings would take 100 and more.
    const flat = [list.labels, list.folderOf, list.nameStarts, list.nameLengths, list.nameBytes];
    assert.ok(flat.reduce((bytes, array) => bytes + array.buffer.byteLength, 0) <= 13 * 1_000_001 + text.length);
    assert.ok(after.heapUsed - before.heapUsed < 30e6, `${after.heapUsed - before.heapUsed} bytes of strings`);
  });

  const real = sharedPath('data/lists/iNaturalist18_val.txt.gz');
  test('of iNaturalist 2018 is read whole', { skip: real === undefined && 'no ../shared' }, () => {
    const list = readImageList(real!, 8142);
    assert.equal(list.labels.length, 24_426);
    assert.equal(filePath(list, 0), 'train_val2018/Plantae/7291/9f8ecb39e5f767e39e9b28e34488f179.jpg');
    assert.equal(
      list.fingerprint,
      createHash('sha256')
        .update(gunzipSync(readFileSync(real!)))
        .digest('hex'),
    );
  });
});

test('a subset of files keeps paths and labels, shares the names and has a fingerprint of its own', () => {
  const { labels, fingerprint, ...table } = parse('a/1.jpg 0\na/2.jpg 0\nb/3.jpg 1\n');
  const files = imageFiles({ name: 'set', classNames: ['a', 'b'], labels, fingerprint, table });
  const part = subsetOfFiles(files, Int32Array.of(2, 0));
  assert.deepEqual([part.path(0), part.path(1)], ['b/3.jpg', 'a/1.jpg']);
  assert.deepEqual([...part.labels], [1, 0]);
  assert.equal(part.table.nameBytes, files.table.nameBytes);
  assert.notEqual(part.fingerprint, files.fingerprint);
  assert.notEqual(subsetOfFiles(files, Int32Array.of(0, 2)).fingerprint, part.fingerprint);
  assert.throws(() => subsetOfFiles(files, Int32Array.of(3)), RangeError);
  assert.throws(() => files.path(3), RangeError);
});
