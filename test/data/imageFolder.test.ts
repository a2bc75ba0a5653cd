import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { classFolders, listImageFolder } from '../../src/data/files/imageFolder.js';
import { openImageSplits } from '../../src/data/files/imageSplits.js';
import { isLeftBehind } from '../../src/data/files/leftOutFiles.js';
import { imageEndings } from '../../src/data/images/format.js';
import { type DatasetConfig, openDatasets } from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';
import { temporaryFolder } from '../temporaryFolder.js';

const scratch = temporaryFolder();
let trees = 0;

/** A folder with these files, empty ones. */
function tree(...paths: string[]): string {
  const root = join(scratch, `tree${trees++}`);
  for (const path of paths) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  return root;
}

const small = ['train/cat/1.png', 'train/dog/1.png', 'test/cat/1.png', 'test/dog/1.png'];
const open = (root: string) => openImageSplits({ dataset: 'image_folder' }, { root, val: true });

describe('what an operating system or a notebook leaves', () => {
  test('is neither class nor image, and is told with its number', () => {
    const left = [
      '.DS_Store',
      'Thumbs.db',
      '._1.png',
      'desktop.ini',
      '.ipynb_checkpoints/1-checkpoint.png',
      '@eaDir/1.png/x.jpg',
    ];
    const root = tree(
      ...small,
      ...left.map(path => `train/cat/${path}`),
      'train/.ipynb_checkpoints/a.png',
      'train/__MACOSX/cat/._1.png',
      'train/.DS_Store',
      'train/lost+found/x.png',
    );
    const { train, notes } = open(root);
    assert.deepEqual(train.files.classNames, ['cat', 'dog']);
    assert.equal(train.files.length, 2);
    assert.deepEqual(notes, [
      'train: 10 files are left out (in no class folder, hidden, or not named as an image): 2 .DS_Store, 2 ' +
        'in .ipynb_checkpoints/, 1 ._*, ' +
        '1 Thumbs.db, 1 desktop.ini, 1 in @eaDir/, and 2 other kinds.',
    ]);
  });

  test('nor is what network disks, snapshots and Python leave, whose copies of images are no classes', () => {
    const left = [
      '__pycache__',
      '#snapshot',
      '@Recycle',
      'Network Trash Folder',
      'Temporary Items',
      '@Recently-Snapshot',
    ];
    const { train, notes } = open(
      tree(...small, ...left.flatMap(name => [`train/${name}/1.png`, `train/cat/${name}/1.png`])),
    );
    assert.deepEqual(train.files.classNames, ['cat', 'dog']);
    assert.equal(train.files.length, 2);
    assert.match(notes.join(), /^train: 12 files are left out/);
  });

  test('and a notebook’s dangling link does no harm', () => {
    const root = tree(...small);
    symlinkSync('user@host.123', join(root, 'train/cat/.#1.png'));
    assert.match(open(root).notes[0]!, /^train: 1 file is left out .*: 1 \.#1\.png\.$/);
  });
});

test('files of other endings, without one, and beside the class folders are counted by kind', () => {
  const root = tree(
    ...small,
    ...['a.heic', 'b.HEIC', 'labels.csv', 'noending'].map(name => `train/cat/${name}`),
    'train/readme.txt',
    'train/9.png',
  );
  assert.deepEqual(open(root).notes, [
    'train: 6 files are left out (in no class folder, hidden, or not named as an image): 2 *.heic, 2 ' +
      'beside the class folders, 1 *.csv, 1 without an ending.',
  ]);
});

test('every file below a class folder is an image of the list or in the number that is told', () => {
  const ending = fc.constantFrom(...imageEndings, 'PNG', 'txt', 'db', '');
  const name = fc.tuple(fc.constantFrom('', '.', '._'), fc.stringMatching(/^[a-z]{1,6}$/), ending);
  const path = fc.tuple(fc.constantFrom('', 'deeper/', '.hidden/', '__MACOSX/deeper/', '@eaDir/'), name);
  fc.assert(
    fc.property(fc.uniqueArray(path, { selector: String, maxLength: 12 }), paths => {
      const files = paths.map(([folder, [dot, base, end]]) => `${folder}${dot}${base}${end && `.${end}`}`);
      const root = tree('train/a/0.png', ...files.map(file => `train/a/${file}`));
      const { list, leftOut } = listImageFolder(root, 'train', ['a']);
      const told = Number(/: (\d+) files? (is|are) left out/.exec(leftOut ?? ': 0 files are left out')![1]);
      assert.equal(list.labels.length + told, new Set(files).size + 1);
    }),
    { numRuns: 60 },
  );
});

test('a class may be called anything that is not left behind', () => {
  for (const name of ['thumbs', 'MACOSX', 'eaDir', 'lost', 'Icon', 'a.b']) assert.ok(!isLeftBehind(name), name);
  for (const name of ['.git', 'THUMBS.DB', '__macosx']) assert.ok(isLeftBehind(name), name);
});

describe('names', () => {
  const [nfc, nfd] = ['é'.normalize('NFC'), 'é'.normalize('NFD')];

  test('of classes are the same whether the accent is in the letter or beside it', () => {
    const root = tree(`train/${nfd}/1.png`, 'train/f/1.png', `test/${nfc}/1.png`, 'test/f/1.png');
    const { train, test: testSplit } = open(root);
    assert.deepEqual(train.files.classNames, ['f', nfc]);
    assert.deepEqual([...testSplit.files.labels], [0, 1]);
    assert.equal(train.files.path(1), join(root, 'train', nfd, '1.png'));
    const twice = tree(`train/${nfd}/1.png`, `train/${nfc}/1.png`);
    assert.throws(
      () => classFolders(join(twice, 'train')),
      /Two folders are called é, with the accents written in two ways/,
    );
  });

  test('that are not UTF-8 are refused with their bytes and the remedy', () => {
    for (const [path, what] of [
      ['train/cat/caf\\351.png', /The name "caf\\xe9\.png" is not UTF-8/],
      ['train/caf\\351/1.png', /The name "caf\\xe9" is not UTF-8/],
    ] as const) {
      const root = tree(...small);
      execFileSync('bash', ['-c', 'p=$(printf "$1"); mkdir -p "$(dirname "$p")"; : > "$p"', '-', path], { cwd: root });
      assert.throws(
        () => open(root),
        (error: unknown) => error instanceof DataError && what.test(error.message) && /convmv/.test(error.next!),
      );
    }
    const root = tree(...small, 'train/cat/a\uFFFDb.png');
    assert.equal(open(root).train.files.length, 3);
  });
});

describe('a set of one class', () => {
  const data: DatasetConfig = { dataset: 'image_folder', imbalance_factor: 1, subset_seed: 0, augment: [], workers: 0 };

  test('in folders one too deep names them and the way out, before an image is decoded', async () => {
    const root = tree('train/animals/cat/1.png', 'train/animals/dog/1.png', 'test/animals/cat/1.png');
    await assert.rejects(openDatasets(data, { dataRoot: root, check: ['train'] }), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.equal(error.message, 'The set has one class, animals; a classifier needs at least two.');
      assert.match(error.next!, /directly below train\/: move those in animals \(cat, dog\) up into train\//);
      return true;
    });
  });

  test('in a list is refused as well', async () => {
    const root = tree('a.png', 'b.png');
    writeFileSync(join(root, 'list.txt'), 'a.png 0\nb.png 0\n');
    const lists: DatasetConfig = { ...data, dataset: 'image_list', train_list: 'list.txt', test_list: 'list.txt' };
    await assert.rejects(
      openDatasets(lists, { dataRoot: root }),
      /has one class, class 0; a classifier needs at least two/,
    );
  });
});

describe('an archive that lies packed', () => {
  test('in the root, in train/ and as the root is named with the command that unpacks it', () => {
    const empty = tree('train.zip', 'notes.md');
    const inTrain = tree('train/cats.tar.gz', 'test/cat/1.png');
    for (const [root, archive, command] of [
      [empty, 'train.zip', `unzip ${join(empty, 'train.zip')} -d ${empty}`],
      [inTrain, 'cats.tar.gz', `tar -xf ${join(inTrain, 'train/cats.tar.gz')} -C ${join(inTrain, 'train')}`],
    ] as const) {
      assert.throws(
        () => open(root),
        (error: unknown) =>
          error instanceof DataError && error.next === `${archive} lies there packed. Unpack first: \`${command}\`.`,
      );
    }
    const list = tree('images.7z');
    writeFileSync(join(list, 'l.txt'), 'a/1.png 0\nb/1.png 1\n');
    const lists = { dataset: 'image_list', train_list: join(list, 'l.txt'), test_list: join(list, 'l.txt') } as const;
    const archive = join(list, 'images.7z');
    assert.throws(
      () => openImageSplits(lists, { root: archive, val: false }),
      (error: unknown) => error instanceof DataError && error.next!.includes(`7z x ${archive} -o${list}`),
    );
  });

  test('of CIFAR is seen where its files are missing', async () => {
    const root = tree('cifar-100-python.tar.gz', 'cifar-10-python.tar.gz');
    const cifar: DatasetConfig = { dataset: 'cifar100', imbalance_factor: 1, subset_seed: 0, augment: [], workers: 0 };
    await assert.rejects(openDatasets(cifar, { dataRoot: root }), (error: unknown) => {
      assert.match(
        (error as DataError).next!,
        /^cifar-100-python\.tar\.gz lies there packed\. Unpack first: `tar -xf /,
      );
      return true;
    });
  });
});

test('an archive that really is one is unpacked by the command of the message', () => {
  const root = tree(...small);
  execFileSync('tar', ['-czf', 'images.tar.gz', 'train', 'test'], { cwd: root });
  const packed = tree('x');
  copyFileSync(join(root, 'images.tar.gz'), join(packed, 'images.tar.gz'));
  const thrown = thrownBy(() => open(packed));
  const [, command] = /`(.*)`/.exec(thrown.next!)!;
  execFileSync('bash', ['-c', command!]);
  assert.equal(open(packed).train.files.length, 2);
});

function thrownBy(action: () => unknown): DataError {
  try {
    action();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
