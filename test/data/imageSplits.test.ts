import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parseImageList } from '../../src/data/files/imageList.js';
import { classNamesOf, type ImageSetConfig, openImageSplits } from '../../src/data/files/imageSplits.js';
import { missingImages } from '../../src/data/files/locateFiles.js';
import { dividedTraining } from '../../src/data/files/splitList.js';
import { ConfigError, DataError } from '../../src/errors.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { folderTree, type ImageTree, imagenetTree, inaturalistTree, placesTree, writeTree } from './imageTrees.js';

const scratch = temporaryFolder();
const lists = { train_list: 'train.txt', test_list: 'test.txt' };

/** Opens a tree and checks that every image of every split was found. */
async function opened(name: ImageSetConfig['dataset'], folder: string, tree: ImageTree) {
  const root = await writeTree(join(scratch, folder), tree);
  const given = name === 'image_folder' ? {} : { ...lists, ...(tree.val && { val_list: 'val.txt' }) };
  const splits = openImageSplits({ dataset: name, ...given }, { root, val: true });
  for (const split of ['train', 'val', 'test'] as const) {
    const expected = tree[split];
    assert.equal(splits[split]?.files.length, expected?.length, split);
    if (expected === undefined) continue;
    assert.deepEqual([...splits[split]!.located.missing], []);
    assert.deepEqual(
      Array.from(expected, (_, i) => splits[split]!.files.path(i)),
      expected.map(({ listed, path = listed }) => join(root, path)),
    );
  }
  return splits;
}

test('A label beyond the images is refused before a list is divided by it', () => {
  const root = join(scratch, 'large label');
  mkdirSync(root);
  writeFileSync(join(root, 'train.txt'), 'a/1.jpg 0\na/2.jpg 0\nb/1.jpg 1\nb/2.jpg 20240131\n');
  const config: ImageSetConfig = { dataset: 'image_list', train_list: 'train.txt', split: { val: 0, test: 0.5 } };
  assert.throws(() => openImageSplits(config, { root, val: false }), /^DataError: Label 20240131 is too large/);
});

test('A class may have more images than a call may have arguments', () => {
  const images = 300_000;
  const list = parseImageList(Buffer.from('a/1.jpg 0\n'.repeat(images) + 'b/1.jpg 1\n'.repeat(4)), 'train.txt');
  const shares = { val: 0.1, test: 0.2 };
  const parts = dividedTraining({}, { list, source: 'train.txt' }, shares, { wantsVal: true, notes: [] });
  const sizes = [parts.train!, parts.val!, parts.test!].map(part => part.list.labels.length);
  assert.deepEqual(sizes, [0.7 * images + 2, 0.1 * images + 1, 0.2 * images + 1]);
});

describe('the official layouts', () => {
  test('ImageNet-LT with flat validation images and with folders', async () => {
    for (const flat of [true, false]) {
      const { train } = await opened('imagenet_lt', `imagenet-${flat}`, imagenetTree(4, { flat }));
      assert.deepEqual(train.files.classNames, ['n01447640', 'n01447641', 'n01447642', 'n01447643']);
    }
  });

  test('Places-LT with folders and with dashes; the fingerprint does not tell them apart', async () => {
    const [slash, dash] = [
      await opened('places_lt', 'slash', placesTree(4, { dash: false })),
      await opened('places_lt', 'dash', placesTree(4, { dash: true })),
    ];
    assert.deepEqual(slash.train.files.classNames, ['place0', 'place1/outdoor', 'place2', 'place3/outdoor']);
    assert.equal(slash.train.files.fingerprint, dash.train.files.fingerprint);
  });

  test('iNaturalist 2018, which has no validation split of its own', async () => {
    const { train, val } = await opened('inaturalist2018', 'inaturalist', inaturalistTree(3));
    assert.deepEqual(train.files.classNames, ['Plantae/0', 'Aves/1', 'Plantae/2']);
    assert.equal(val, undefined);
  });

  test('a list of one’s own, and folders', async () => {
    assert.deepEqual((await opened('image_list', 'list', folderTree(3))).train.files.classNames, [
      'class0',
      'class1',
      'class2',
    ]);
    const { train, test: testSplit, notes } = await opened('image_folder', 'folder', folderTree(3));
    assert.deepEqual(train.files.classNames, ['class0', 'class1', 'class2']);
    assert.deepEqual([notes, testSplit.source], [[], join(scratch, 'folder', 'test')]);
  });

  test('without given lists the published ones are read', async () => {
    const root = join(scratch, 'empty');
    mkdirSync(root);
    const { train, val, test: testSplit } = openImageSplits({ dataset: 'places_lt' }, { root, val: true });
    assert.deepEqual([train.files.length, val!.files.length, testSplit.files.length], [62_500, 7_300, 36_500]);
    assert.equal(train.files.classNames[8], 'apartment_building/outdoor');
    assert.equal(train.located.missing.length, 62_500);
    assert.throws(
      () => openImageSplits({ dataset: 'imagenet_lt' }, { root, val: false, environment: { GALA_CACHE: root } }),
      /ImageNet_LT_train\.txt of ImageNet-LT is not on this machine/,
    );
  });
});

describe('folders of classes', () => {
  let root: string;
  before(async () => {
    root = await writeTree(join(scratch, 'classes'), folderTree(3));
  });
  const open = (val = false) => openImageSplits({ dataset: 'image_folder' }, { root, val });

  test('take val/ for test/ where there is no test/, and say so', () => {
    renameSync(join(root, 'test'), join(root, 'val'));
    const { notes, test: testSplit, val } = open(true);
    assert.deepEqual([notes.length, testSplit.files.length, val], [1, 9, undefined]);
    renameSync(join(root, 'val'), join(root, 'test'));
  });

  test('go down into folders inside a class and leave other files alone', () => {
    mkdirSync(join(root, 'train/class1/more'));
    renameSync(join(root, 'train/class1/001.jpg'), join(root, 'train/class1/more/z.JPEG'));
    writeFileSync(join(root, 'train/class1/notes.txt'), '');
    const { train } = open();
    assert.equal(train.files.length, 12 + 6 + 4);
    assert.ok(
      Array.from(train.files.labels, (_, i) => train.files.path(i)).includes(join(root, 'train/class1/more/z.JPEG')),
    );
    assert.deepEqual([...train.located.missing], []);
  });

  test('are read through links, to folders and to files', async () => {
    const linked = await writeTree(join(scratch, 'linked'), folderTree(3));
    const at = (...path: string[]) => join(linked, ...path);
    renameSync(at('train/class2'), at('elsewhere'));
    symlinkSync(at('elsewhere'), at('train/class2'));
    mkdirSync(at('more'));
    renameSync(at('train/class1/001.jpg'), at('more/z.jpg'));
    symlinkSync(at('more'), at('train/class1/more'));
    symlinkSync(at('more/z.jpg'), at('train/class1/again.jpg'));
    symlinkSync(at('train.txt'), at('train/list'));
    const read = () => openImageSplits({ dataset: 'image_folder' }, { root: linked, val: false });
    const { train } = read();
    assert.deepEqual(train.files.classNames, ['class0', 'class1', 'class2']);
    assert.deepEqual([train.files.length, train.located.missing.length], [12 + 6 + 1 + 4, 0]);
    const paths = Array.from(train.files.labels, (_, i) => train.files.path(i));
    assert.ok(paths.includes(at('train/class1/more/z.jpg')) && paths.includes(at('train/class1/again.jpg')));

    const refused = (target: string, link: string, message: RegExp) => {
      symlinkSync(target, link);
      assert.throws(read, (error: unknown) => {
        assert.ok(error instanceof DataError && error.where?.startsWith(link), String(error));
        assert.match(error.message, message);
        return true;
      });
      rmSync(link);
    };
    refused(at('train/class1'), at('train/class1/loop'), /leads to a folder that contains the link/);
    refused(at('train'), at('train/class1/loop'), /leads to a folder that contains the link/);
    refused(at('nowhere'), at('train/class1/gone'), /could not be followed: there is no such file or folder/);
    refused(at('nowhere'), at('train/class3'), /could not be followed: there is no such file or folder/);
    symlinkSync(at('train/class0'), at('more/back')); // and from there to the folder that leads here
    symlinkSync(at('more'), at('train/class0/more'));
    assert.throws(read, /leads to a folder that contains the link/);
  });

  test('that are missing, unknown or empty are named', () => {
    const refused = (where: string, message: RegExp) =>
      assert.throws(open, (error: unknown) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, message);
        assert.equal(error.where, where);
        return true;
      });
    mkdirSync(join(root, 'test/other'));
    refused(join(root, 'test/other'), /other is no class/);
    rmSync(join(root, 'test/other'), { recursive: true });
    mkdirSync(join(root, 'train/class3'));
    refused(join(root, 'train'), /Class 3 \(class3\) has no training image/);
    rmSync(join(root, 'train/class3'), { recursive: true });
    rmSync(join(root, 'test'), { recursive: true });
    refused(`looked for ${join(root, 'test')} and ${join(root, 'val')}`, /test images is missing/);
    rmSync(join(root, 'train'), { recursive: true });
    refused(join(root, 'train'), /training images is missing/);
  });
});

describe('lists', () => {
  test('that are not given or not there are asked for', async () => {
    const root = await writeTree(join(scratch, 'given'), folderTree(2));
    const open = (config: Partial<ImageSetConfig>) =>
      openImageSplits({ dataset: 'image_list', ...lists, ...config }, { root, val: false });
    assert.throws(
      () => open({ train_list: undefined }),
      (error: unknown) => error instanceof ConfigError && error.where === 'data.train_list',
    );
    assert.throws(
      () => open({ test_list: 'absent.txt' }),
      (error: unknown) => error instanceof DataError && error.where!.includes(join(root, 'absent.txt')),
    );
    writeFileSync(join(root, 'gap.txt'), `${'train/class0/001.jpg 0\n'.repeat(3)}train/class1/001.jpg 3\n`);
    assert.throws(() => open({ train_list: 'gap.txt' }), /Class 1 \(class 1\) has no training image, nor has 1 other/);
    writeFileSync(join(root, 'two.txt'), 'train/class0/001.jpg 0\n'.repeat(2));
    assert.throws(() => open({ train_list: 'two.txt' }), /Class 1 \(class1\) has no training image\./);
  });

  test('with a label that no class of so few training images can have are refused with the line', async () => {
    const root = await writeTree(join(scratch, 'big'), folderTree(2));
    const refused = (key: 'train_list' | 'test_list', line: number) =>
      assert.throws(
        () => openImageSplits({ dataset: 'image_list', ...lists, [key]: 'big.txt' }, { root, val: false }),
        (error: unknown) => {
          assert.ok(error instanceof DataError);
          assert.match(error.message, /^Label \d+ is too large: the train list has \d+ images/);
          assert.equal(error.where, `${join(root, 'big.txt')}:${line}`);
          return true;
        },
      );
    writeFileSync(join(root, 'big.txt'), 'train/class0/001.jpg 0\n\ntrain/class1/001.jpg 999999999\n');
    refused('train_list', 3);
    refused('test_list', 3);
    writeFileSync(join(root, 'big.txt'), 'test/class0/001.jpg 18\n'); // of 18 training images
    refused('test_list', 1);
  });

  test('give classes the names of their folders, or numbers where these do not tell them apart', () => {
    const names = (...texts: string[]) => classNamesOf(texts.map(text => parseImageList(Buffer.from(text), 'list')));
    assert.deepEqual(names('train/cat/1.jpg 0\ntrain/dog/1.jpg 1', 'test/dog/2.jpg 1'), ['cat', 'dog']);
    assert.deepEqual(names('cat/1.jpg 0\ndog/1.jpg 1'), ['cat', 'dog']);
    assert.deepEqual(names('all/1.jpg 0\nall/2.jpg 1'), ['class 0', 'class 1']);
    assert.deepEqual(names('1.jpg 0\n2.jpg 1'), ['class 0', 'class 1']);
    assert.deepEqual(names('a/cat/1.jpg 0\nb/cat/1.jpg 1'), ['class 0', 'class 1']);
  });
});

describe('missing images', () => {
  const errorOf = (name: ImageSetConfig['dataset'], root: string) => {
    const { train, set } = openImageSplits({ dataset: name, ...lists }, { root, val: false });
    return missingImages('train', train, root, set);
  };

  test('are counted, the first is named, and the archive to get', async () => {
    const root = await writeTree(join(scratch, 'gone'), imagenetTree(3, { flat: true }));
    rmSync(join(root, 'train/n01447641/n01447641_2.JPEG'));
    const error = errorOf('imagenet_lt', root);
    assert.equal(error.message, '1 of the 22 train images are missing.');
    assert.equal(error.where, `the first: ${join(root, 'train/n01447641/n01447641_2.JPEG')}`);
    assert.match(error.next!, /ILSVRC2012_img_train\.tar .*`gala data verify imagenet_lt --data \S+` lists/);
  });

  test('name both candidates of a folder of which neither exists', async () => {
    const root = await writeTree(join(scratch, 'neither'), placesTree(2, { dash: true }));
    rmSync(join(root, 'train'), { recursive: true });
    mkdirSync(join(root, 'train/place0'), { recursive: true });
    const error = errorOf('places_lt', root);
    assert.match(error.message, /18 of the 18 train images are missing, and 1 of their folders do not exist/);
    assert.equal(
      error.where,
      `neither ${join(root, 'train/place1/outdoor')} nor ${join(root, 'train/place1-outdoor')} exists`,
    );
  });

  test('of a wrong archive are told which one it is', async () => {
    const cases: readonly (readonly [ImageSetConfig['dataset'], string, RegExp])[] = [
      ['imagenet_lt', 'train/n01440764.tar', /still packed: unpack each/],
      ['imagenet_lt', 'wnids.txt', /Tiny ImageNet/],
      ['places_lt', 'data_256/a', /letter folders/],
      ['inaturalist2018', 'train_val2019/Aves', /iNaturalist 2019.*train_val2018\.tar\.gz/],
    ];
    for (const [i, [name, entry, advice]] of cases.entries()) {
      const root = join(scratch, `wrong${i}`);
      mkdirSync(join(root, entry), { recursive: true });
      writeFileSync(join(root, 'train.txt'), 'train/n01/1.JPEG 0\n');
      writeFileSync(join(root, 'test.txt'), 'val/n01/1.JPEG 0\n');
      assert.match(errorOf(name, root).next!, advice);
    }
  });
});
