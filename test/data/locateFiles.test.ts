import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { filePath } from '../../src/data/files/imageFiles.js';
import { parseImageList } from '../../src/data/files/imageList.js';
import { locateFiles } from '../../src/data/files/locateFiles.js';
import type { PublishedSet } from '../../src/data/sets/definition.js';
import { imagenetLt } from '../../src/data/sets/imagenetLt.js';
import { placesLt } from '../../src/data/sets/placesLt.js';
import { DataError } from '../../src/errors.js';
import { temporaryFolder } from '../temporaryFolder.js';

const root = temporaryFolder();
let trees = 0;

/** A folder with empty files at the given paths. */
function tree(...files: readonly string[]): string {
  const folder = join(root, `tree${trees++}`);
  mkdirSync(folder);
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  return folder;
}

function locate(folder: string, lines: readonly string[], candidatesOf?: PublishedSet['candidatesOf']) {
  const located = locateFiles(parseImageList(Buffer.from(lines.join('\n')), 'list'), folder, candidatesOf);
  const paths = lines.map((_, i) => filePath(located.table, i).slice(folder.length + 1));
  return { ...located, paths, missing: [...located.missing] };
}

const places = placesLt.candidatesOf;
const imagenet = imagenetLt.candidatesOf;

describe('files of a list', () => {
  test('are found in the folders that it names', () => {
    const folder = tree('a/1.jpg', 'b/c/2.jpg', '3.jpg');
    const { paths, missing, missingFolders } = locate(folder, ['a/1.jpg 0', 'b/c/2.jpg 1', '3.jpg 2']);
    assert.deepEqual(paths, ['a/1.jpg', 'b/c/2.jpg', '3.jpg']);
    assert.deepEqual([missing, missingFolders], [[], []]);
  });

  test('that are not there are told by index, folders by what was looked for', () => {
    const folder = tree('a/1.jpg', 'a/3.jpg');
    const { missing, missingFolders, paths } = locate(folder, [
      'a/1.jpg 0',
      'b/1.jpg 1',
      'a/2.jpg 0',
      'b/2.jpg 1',
      'a/3.jpg 0',
    ]);
    assert.deepEqual(missing, [1, 2, 3]);
    assert.deepEqual(missingFolders, [{ folder: 'b', candidates: [join(folder, 'b')] }]);
    assert.equal(paths[1], 'b/1.jpg');
  });

  test('below a root that is no folder are refused', () => {
    const folder = tree('file');
    for (const bad of [join(folder, 'absent'), join(folder, 'file')]) {
      assert.throws(
        () => locate(bad, ['a/1.jpg 0']),
        (error: unknown) => error instanceof DataError && error.where === bad,
      );
    }
  });
});

describe('the official layouts', () => {
  test('ImageNet’s validation images are found flat as well as in folders of the classes', () => {
    const lines = ['val/n01/ILSVRC2012_val_1.JPEG 0', 'val/n02/ILSVRC2012_val_2.JPEG 1', 'train/n01/n01_1.JPEG 0'];
    const flat = locate(
      tree('val/ILSVRC2012_val_1.JPEG', 'val/ILSVRC2012_val_2.JPEG', 'train/n01/n01_1.JPEG'),
      lines,
      imagenet,
    );
    assert.deepEqual(flat.paths, ['val/ILSVRC2012_val_1.JPEG', 'val/ILSVRC2012_val_2.JPEG', 'train/n01/n01_1.JPEG']);
    assert.deepEqual(flat.missing, []);
    const sorted = locate(tree(...lines.map(line => line.split(' ')[0]!)), lines, imagenet);
    assert.deepEqual(
      sorted.paths,
      lines.map(line => line.split(' ')[0]),
    );
    assert.deepEqual(sorted.missing, []);
  });

  test('a flat folder that lacks one image lacks that one only', () => {
    const lines = ['val/n01/1.JPEG 0', 'val/n01/2.JPEG 0', 'val/n02/3.JPEG 1'];
    const { missing, missingFolders } = locate(tree('val/1.JPEG', 'val/3.JPEG'), lines, imagenet);
    assert.deepEqual([missing, missingFolders], [[1], []]);
  });

  test('where neither exists both are named', () => {
    const folder = tree('train/n01/n01_1.JPEG');
    const { missingFolders } = locate(folder, ['val/n01/1.JPEG 0'], imagenet);
    assert.deepEqual(missingFolders, [
      { folder: 'val/n01', candidates: [join(folder, 'val/n01'), join(folder, 'val')] },
    ]);
  });

  test('Places’ sub-classes are found as folders and joined by a dash, whatever the list has', () => {
    const slash = ['train/apartment_building/outdoor/1.jpg 0', 'train/airfield/2.jpg 1'];
    const dash = ['train/apartment_building-outdoor/1.jpg 0', 'train/airfield/2.jpg 1'];
    const pathsOf = (lines: readonly string[]) => lines.map(line => line.split(' ')[0]!);
    for (const listed of [slash, dash]) {
      for (const onDisk of [slash, dash]) {
        const { paths, missing } = locate(tree(...pathsOf(onDisk)), listed, places);
        assert.deepEqual(paths, pathsOf(onDisk));
        assert.deepEqual(missing, []);
      }
    }
  });

  test('each class of the real Places lists has two places where it has a sub-class, else one', () => {
    assert.deepEqual(places('train/airfield'), ['train/airfield']);
    assert.deepEqual(places('train/library/indoor'), ['train/library/indoor', 'train/library-indoor']);
    assert.deepEqual(places('val/library-indoor'), ['val/library-indoor', 'val/library/indoor']);
  });
});
