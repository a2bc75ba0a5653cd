import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ImageFiles, imageFiles } from '../../src/data/files/imageFiles.js';
import { parseImageList } from '../../src/data/files/imageList.js';
import { repeatedContents, repeatedPaths } from '../../src/data/files/repeatedImages.js';
import { temporaryFolder } from '../temporaryFolder.js';

const root = temporaryFolder();

/** Images by `path label`, below `root`. */
function filesOf(...lines: string[]): ImageFiles {
  const list = parseImageList(Buffer.from(lines.map(line => `${line}\n`).join('')), 'list');
  const table = { ...list, folders: list.folders.map(folder => join(root, folder)) };
  const classNames = ['a', 'b', 'c'];
  return imageFiles({ name: 'image_list', classNames, labels: list.labels, fingerprint: list.fingerprint, table });
}

const split = (name: 'train' | 'val' | 'test', ...lines: string[]) => ({ split: name, files: filesOf(...lines) });
const at = (path: string) => join(root, path);

describe('by path', () => {
  test('a line twice, an image under two labels and images of another split are a sentence each', () => {
    const train = split('train', 'x/1 0', 'x/2 1', 'x/1 0', 'x/2 2', 'x/3 1', 'x/1 0');
    const val = split('val', 'x/2 1');
    const testSplit = split('test', 'x/3 1', 'x/4 1', 'y/1 0');
    assert.deepEqual(repeatedPaths([train, val, testSplit]), [
      `2 of the 6 training images are listed more than once, the first ${at('x/1')}.`,
      `1 of the 6 training images is listed under two labels, the first ${at('x/2')} (labels 1 and 2).`,
      `1 of the 1 validation images is among the training images too, the first ${at('x/2')}.`,
      `1 of the 3 test images is among the training images too, the first ${at('x/3')}.`,
    ]);
    assert.deepEqual(repeatedPaths([split('train', 'x/1 0', 'y/1 0'), testSplit].slice(0, 1)), []);
  });

  test('a folder and a link to it are one', () => {
    mkdirSync(at('real'));
    symlinkSync(at('real'), at('link'));
    const [sentence] = repeatedPaths([split('train', 'real/1 0'), split('test', 'link/1 0')]);
    assert.match(sentence!, /^1 of the 1 test images is among the training images too/);
  });

  test('the numbers are those of a plain count, for any lists', () => {
    const line = fc.tuple(fc.constantFrom('a', 'b', 'c/d'), fc.nat(6), fc.nat(2)).map(([f, n, l]) => `${f}/${n} ${l}`);
    const lines = fc.array(line, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lines, lines, (train, testLines) => {
        const first = new Map<string, string>();
        const count = { same: 0, other: 0, shared: 0, again: 0 };
        for (const text of train) {
          const [path, label] = text.split(' ');
          if (first.has(path!)) count[first.get(path!) === label ? 'same' : 'other']++;
          else first.set(path!, label!);
        }
        for (const text of testLines) if (first.has(text.split(' ')[0]!)) count.shared++;
        const said = repeatedPaths([split('train', ...train), split('test', ...testLines)]).join('\n');
        const number = (pattern: RegExp) => Number(pattern.exec(said)?.[1] ?? 0);
        assert.equal(number(/(\d+) of the \d+ training images (?:is|are) listed more than once/), count.same);
        assert.equal(number(/(\d+) of the \d+ training images (?:is|are) listed under two labels/), count.other);
        assert.equal(number(/(\d+) of the \d+ test images (?:is|are) among the training images/), count.shared);
      }),
    );
  });
});

describe('by content', () => {
  const hashed = (name: 'train' | 'test', contents: readonly number[], ...lines: string[]) => ({
    ...split(name, ...lines),
    digests: Int32Array.from(contents.flatMap(content => (content === 0 ? [0, 0] : [content, -content]))),
  });

  test('copies under other names are told, the same file and what was not read are not', () => {
    const train = hashed('train', [7, 8, 7, 8, 0, 0], 'x/1 0', 'x/2 1', 'x/3 0', 'x/4 2', 'x/5 0', 'x/6 0');
    const testSplit = hashed('test', [9, 7, 8, 0], 't/1 0', 't/2 0', 'x/2 1', 't/4 0');
    assert.deepEqual(repeatedContents([train, testSplit]), [
      `1 of the 6 training images is equal to another one, byte for byte, the first ${at('x/3')} and ${at('x/1')}.`,
      `1 of the 6 training images is equal to one with another label, byte for byte, the first ${at('x/4')} ` +
        `and ${at('x/2')} (labels 1 and 2).`,
      '1 of the 4 test images is equal to some of the training images, byte for byte, the first ' +
        `${at('t/2')} and ${at('x/1')}.`,
    ]);
  });
});
