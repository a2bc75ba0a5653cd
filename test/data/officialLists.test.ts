import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundledFolder } from '../../src/data/bundled.js';
import { filePath } from '../../src/data/files/imageFiles.js';
import { readImageList } from '../../src/data/files/imageList.js';
import { installTrainList } from '../../src/data/lists/installLists.js';
import {
  checkOfficialList,
  gitBlobId,
  openOfficialList,
  publishedClassCounts,
} from '../../src/data/lists/officialLists.js';
import type { PublishedSet } from '../../src/data/sets/definition.js';
import { imagenetLt } from '../../src/data/sets/imagenetLt.js';
import { inaturalist2018 } from '../../src/data/sets/inaturalist2018.js';
import { datasets } from '../../src/data/sets/index.js';
import { placesLt } from '../../src/data/sets/placesLt.js';
import { DataError } from '../../src/errors.js';
import { faultyServer } from '../io/faultyServer.js';
import { temporaryFolder } from '../temporaryFolder.js';

const scratch = temporaryFolder();
let folders = 0;
function newFolder(): string {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  return folder;
}

/** A list with the published number of images in every class, of images that nobody else has. */
function sameCounts(set: PublishedSet): string {
  const lines: string[] = [];
  publishedClassCounts(set).forEach((count, label) => {
    for (let i = 0; i < count; i++) lines.push(`train/c${label}/${i}.jpg ${label}\n`);
  });
  return lines.join('');
}

/** The set with another train list: what a test can make has no published checksum. */
function withBlob(set: PublishedSet, text: string): PublishedSet {
  return { ...set, lists: { ...set.lists, train: { ...set.lists.train, gitBlob: gitBlobId(Buffer.from(text)) } } };
}

const imagenet: PublishedSet = imagenetLt;
const inaturalist: PublishedSet = inaturalist2018;
const imagenetLike = sameCounts(imagenet);

describe('the lists that come with gala', () => {
  for (const set of Object.values(datasets)) {
    if (set.form !== 'published') continue;
    test(`of ${set.title} are the published ones, with labels and class names in order`, () => {
      for (const split of ['train', 'val', 'test'] as const) {
        if (set.lists[split]?.sha256 === undefined) continue;
        const { list, identical } = openOfficialList(set, split, {});
        assert.ok(identical);
        assert.equal(list.labels.length, set.lists[split].images);
        assert.equal(
          list.labels.reduce((a, b) => Math.max(a, b)),
          set.classes - 1,
        );
      }
      const counts = publishedClassCounts(set);
      assert.equal(counts.length, set.classes);
      assert.equal(
        counts.reduce((a, b) => a + b),
        set.lists.train.images,
      );
    });
  }

  test('Places’ training list has the published counts; 75 classes have a sub-class', () => {
    const { list } = openOfficialList(placesLt, 'train', {});
    const counts = new Int32Array(365);
    for (const label of list.labels) counts[label]!++;
    assert.deepEqual(counts, publishedClassCounts(placesLt));
    assert.equal(list.folders.filter(folder => placesLt.candidatesOf(folder).length === 2).length, 75);
  });

  test('iNaturalist’s labels are the numbers of the folders', () => {
    const { list } = openOfficialList(inaturalist, 'test', {});
    list.labels.forEach((label, i) => {
      assert.equal(filePath(list, i).split('/')[2], String(label));
    });
  });

  test('that were changed are refused', () => {
    const path = join(bundledFolder('lists'), 'ImageNet_LT_val.txt.gz');
    const text = Buffer.from(
      execFileSync('gzip', ['-dc', path], { maxBuffer: 2 ** 24 })
        .toString()
        .replace(' 0\n', ' 1\n'),
    );
    assert.throws(() => checkOfficialList(imagenet, 'val', text, path), /not the published ImageNet_LT_val.txt/);
  });
});

test('a git blob id is the one that git gives', () => {
  const path = join(newFolder(), 'file');
  writeFileSync(path, 'some text\r\n');
  assert.equal(gitBlobId(Buffer.from('some text\r\n')), execFileSync('git', ['hash-object', path]).toString().trim());
});

describe('a train list that is brought', () => {
  test('is known by its git blob id', () => {
    assert.equal(
      checkOfficialList(withBlob(imagenet, imagenetLike), 'train', Buffer.from(imagenetLike), 'f').identical,
      true,
    );
  });

  test('in another order or with other line ends is taken, and said not to be identical', () => {
    const set = withBlob(imagenet, imagenetLike);
    const reversed = `${imagenetLike.trimEnd().split('\n').reverse().join('\r\n')}\r\n`;
    assert.equal(checkOfficialList(set, 'train', Buffer.from(reversed), 'f').identical, false);
  });

  test('with other counts, an image twice, or an image of another list is refused by name', () => {
    const refused = (text: string, message: RegExp) =>
      assert.throws(
        () => checkOfficialList(imagenet, 'train', Buffer.from(text), 'brought.txt'),
        (error: unknown) => error instanceof DataError && error.where === 'brought.txt' && message.test(error.message),
      );
    const published = publishedClassCounts(imagenet);
    refused(
      imagenetLike.replace('train/c0/0.jpg 0\n', '').replace('train/c7/0.jpg 7', 'train/c7/0.jpg 8'),
      new RegExp(
        `115845 images is not the list of ImageNet-LT: class 0 has ${published[0]! - 1}, published ` +
          `${published[0]}, class 7 .* class 8 `,
      ),
    );
    refused(imagenetLike.replace('train/c0/0.jpg', 'train/c0/1.jpg'), /train\/c0\/1\.jpg is listed twice/);
    const val = filePath(readImageList(join(bundledFolder('lists'), 'ImageNet_LT_val.txt.gz')), 0);
    refused(imagenetLike.replace('train/c0/0.jpg', val), /n01440764_762\.JPEG is in the val list too/);
    assert.throws(
      () => checkOfficialList(imagenet, 'train', Buffer.from('a.jpg 1000\n'), 'f'),
      /Label 1000 is out of range/,
    );
  });
});

describe('installing a train list', () => {
  const install = (from: string, set = withBlob(imagenet, imagenetLike)) => {
    const cache = newFolder();
    const environment = { GALA_CACHE: cache };
    return { environment, done: installTrainList(set, { from, environment, download: { pauseSeconds: 0.01 } }), set };
  };

  test('from a file, plain or packed, makes it usable; without it the way to get it is told', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'ImageNet_LT_train.txt'), imagenetLike);
    writeFileSync(join(folder, 'packed.gz'), gzipSync(imagenetLike));
    execFileSync('tar', ['-C', folder, '-czf', join(folder, 'list.tar.gz'), 'ImageNet_LT_train.txt']);
    for (const name of ['ImageNet_LT_train.txt', 'packed.gz', 'list.tar.gz']) {
      const { environment, done, set } = install(join(folder, name));
      const { images, identical, path } = await done;
      assert.deepEqual([images, identical], [115_846, true]);
      assert.deepEqual(openOfficialList(set, 'train', { environment }).path, path);
    }
    assert.throws(
      () => openOfficialList(imagenet, 'train', { environment: { GALA_CACHE: newFolder() } }),
      (error: unknown) =>
        error instanceof DataError &&
        /ImageNet_LT_train.txt of ImageNet-LT is not on this machine/.test(error.message) &&
        /gala data lists imagenet_lt --from FILE/.test(error.next!),
    );
  });

  test('beside the images needs no installation', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'ImageNet_LT_train.txt'), imagenetLike);
    const set = withBlob(imagenet, imagenetLike);
    const { identical } = openOfficialList(set, 'train', { root: folder, environment: { GALA_CACHE: newFolder() } });
    assert.ok(identical);
  });

  test('from an address that drops the connection ends whole', async () => {
    const { url, asked } = await faultyServer(Buffer.from(imagenetLike), [{ drop: 1_000_000 }, 'range']);
    const { done, environment } = install(url);
    assert.equal((await done).identical, true);
    assert.equal(asked.length, 2);
    assert.deepEqual(readdirSync(join(environment.GALA_CACHE, 'lists')), ['ImageNet_LT_train.txt.gz']);
  });

  test('twice at once waits for the first, and both end whole', async () => {
    const { url } = await faultyServer(Buffer.from(imagenetLike), [
      { drop: 1_000_000 },
      'range',
      { drop: 500_000 },
      'range',
    ]);
    const environment = { GALA_CACHE: newFolder() };
    const set = withBlob(imagenet, imagenetLike);
    const notes: string[] = [];
    const installing = () =>
      installTrainList(set, {
        from: url,
        environment,
        download: { pauseSeconds: 0.01 },
        onNote: note => notes.push(note),
      });
    const installed = await Promise.all([installing(), installing()]);
    assert.deepEqual(
      installed.map(({ identical }) => identical),
      [true, true],
    );
    assert.match(notes.join('\n'), /^Another installation of a list is at work \(process \d+\); waiting for it …$/);
  });

  test('of wrong content leaves nothing behind', async () => {
    const { url } = await faultyServer(Buffer.from('<html>no such page</html>\n'), ['range']);
    for (const from of [url, join(newFolder(), 'absent')]) {
      const { done, environment } = install(from);
      await assert.rejects(
        done,
        (error: unknown) => error instanceof DataError && error.where?.startsWith(from) === true,
      );
      assert.deepEqual(readdirSync(join(environment.GALA_CACHE, 'lists')), []);
    }
  });

  test('of iNaturalist from its annotations gives the published file, also out of its archive', async () => {
    const lines = Array.from(
      { length: 500 },
      (_, i) => `train_val2018/Aves/${(i * 37) % 8142}/${i}.jpg ${(i * 37) % 8142}`,
    );
    const text = `${lines.join('\n')}\n`;
    const images = lines.map((line, id) => ({ id: id + 5, file_name: line.split(' ')[0], width: 800 }));
    const annotations = lines.map((line, id) => ({ id, image_id: id + 5, category_id: Number(line.split(' ')[1]) }));
    const folder = newFolder();
    writeFileSync(
      join(folder, 'train2018.json'),
      JSON.stringify({ info: {}, images, annotations: annotations.reverse(), categories: [] }),
    );
    execFileSync('tar', ['-C', folder, '-czf', join(folder, 'train2018.json.tar.gz'), 'train2018.json']);
    const { done } = install(join(folder, 'train2018.json.tar.gz'), withBlob(inaturalist, text));
    assert.deepEqual([(await done).images, (await done).identical], [500, true]);
    const wrongSet = install(join(folder, 'train2018.json'));
    await assert.rejects(wrongSet.done, /cannot be made from annotations/);
  });

  test('from annotations that are none says what is wrong', () => {
    const refused = (content: object | string, message: RegExp) =>
      assert.throws(
        () =>
          inaturalist2018.listOfAnnotations(
            Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
            'x.json',
          ),
        (error: unknown) => error instanceof DataError && error.where === 'x.json' && message.test(error.message),
      );
    refused('{', /JSON/);
    refused({ images: [] }, /annotations: /);
    refused({ images: [{ id: 1 }], annotations: [] }, /images\.0\.file_name/);
    refused({ images: [{ id: 1, file_name: 'a.jpg' }], annotations: [] }, /a\.jpg has no category/);
    refused({ images: [{ id: 1, file_name: 'a b' }], annotations: [{ image_id: 1, category_id: 2 }] }, /white space/);
  });
});
