import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fileName } from '../../src/data/files/imageFiles.js';
import { parseImageList } from '../../src/data/files/imageList.js';
import { openImageSplits } from '../../src/data/files/imageSplits.js';
import { missingImages } from '../../src/data/files/locateFiles.js';
import { DataError } from '../../src/errors.js';
import { temporaryFolder } from '../temporaryFolder.js';

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('a list of another encoding', () => {
  const line = fc.tuple(fc.stringMatching(/^[\p{L}\p{N}./_-]{0,9}[\p{L}\p{N}]$/u), fc.nat(5));

  test('in UTF-16 with its mark is the same list as in UTF-8', () =>
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const text = lines.map(([path, label]) => `${path} ${label}${end}`).join('');
        const plain = parseImageList(Buffer.from(text), 'list');
        for (const bytes of [
          Buffer.from(`\uFEFF${text}`),
          Buffer.from(`\uFEFF${text}`, 'utf16le'),
          utf16be(`\uFEFF${text}`),
        ]) {
          const list = parseImageList(bytes, 'list');
          assert.equal(list.fingerprint, plain.fingerprint);
          assert.deepEqual([list.folders, [...list.labels]], [plain.folders, [...plain.labels]]);
        }
      }),
    ));

  test('that is told by no mark is refused with the line or the likely cause', () => {
    const refused = (bytes: Uint8Array, message: RegExp, where: string) =>
      assert.throws(
        () => parseImageList(bytes, 'l.txt'),
        (error: unknown) =>
          error instanceof DataError &&
          message.test(error.message) &&
          error.where === where &&
          /iconv -f/.test(error.next!),
      );
    refused(Buffer.from('a.png 0\ncafé.png 1\nb.png 0\n', 'latin1'), /not UTF-8/, 'l.txt:2');
    refused(Buffer.from('a.png 0\ncafé.png 1', 'latin1'), /not UTF-8/, 'l.txt:2');
    refused(Buffer.from('a.png 0\n', 'utf16le'), /null bytes: it is UTF-16 without its mark/, 'l.txt');
  });
});

describe('names in a list', () => {
  const root = temporaryFolder();
  const open = () =>
    openImageSplits({ dataset: 'image_list', train_list: 'l.txt', test_list: 't.txt' }, { root, val: false });

  test('are found on disk with their accents in either form, in folders and files', () => {
    const [nfc, nfd] = ['crème brûlée'.normalize('NFC'), 'crème brûlée'.normalize('NFD')];
    for (const folder of [nfd, 'plain']) mkdirSync(join(root, folder));
    const onDisk = [`${nfd}/${nfd}.png`, `plain/${nfd}.png`, 'plain/a.png', `plain/${nfc}2.png`];
    for (const path of onDisk) writeFileSync(join(root, path), '');
    writeFileSync(join(root, 'l.txt'), `${nfc}/${nfc}.png 0\nplain/${nfc}.png 1\nplain/a.png 1\n`);
    writeFileSync(join(root, 't.txt'), `plain/${nfd}2.png 1\n`);
    const { train, test: testSplit } = open();
    assert.deepEqual([[...train.located.missing], [...testSplit.located.missing]], [[], []]);
    assert.deepEqual(
      [0, 1, 2].map(i => train.files.path(i)),
      onDisk.slice(0, 3).map(path => join(root, path)),
    );
    assert.equal(fileName(testSplit.files.table, 0), `${nfc}2.png`);
  });

  test('that are missing where the folder has names that are not UTF-8: the error says so', () => {
    mkdirSync(join(root, 'odd'));
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'odd/caf')), Buffer.of(0xe9), Buffer.from('.png')]), '');
    writeFileSync(join(root, 'l.txt'), 'odd/café.png 0\nplain/a.png 1\n');
    const error = missingImages('train', open().train, root, undefined);
    assert.match(error.next!, /^1 names? in .*odd (is|are) not UTF-8, such as "caf\\xe9\.png"\. Rename them: convmv/);
  });
});
