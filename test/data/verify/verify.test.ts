import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { openImageSplits } from '../../../src/data/files/imageSplits.js';
import { CheckStopped, checkSplit } from '../../../src/data/verify/checkSplit.js';
import { inspectImage } from '../../../src/data/verify/inspectImage.js';
import { codeOf, type Verdict, verdicts } from '../../../src/data/verify/verdict.js';
import { memoryPath, recallVerified, rememberVerified } from '../../../src/data/verify/verifiedFiles.js';
import { verifyImages } from '../../../src/data/verify/verifyImages.js';
import { isFaulty, reportSplit } from '../../../src/data/verify/verifyReport.js';
import { DataError } from '../../../src/errors.js';
import { sharedPath } from '../../shared.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { folderTree, imagenetTree, writePicture, writeTree } from '../imageTrees.js';

const scratch = temporaryFolder();
const environment = { GALA_CACHE: join(scratch, 'cache') };
let trees = 0;

/** A set of 12 + 6 + 4 training images, as verified, with a way to spoil it. */
async function smallSet() {
  const root = await writeTree(join(scratch, `tree${trees++}`), folderTree(3));
  const open = () => openImageSplits({ dataset: 'image_folder' }, { root, val: false });
  const at = (name: string) => join(root, 'train', name);
  const { train } = open();
  return { root, at, open, train, files: train.files };
}

const namesOf = (codes: Uint8Array) => Array.from(codes, code => verdicts[code]!);

/** A picture of `width` × `height` of one colour. */
const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 9, g: 90, b: 200 } } });

describe('an image file', () => {
  const file = (name: string) => join(scratch, name);
  const is = async (name: string, verdict: Verdict, message?: RegExp) => {
    const found = await inspectImage(file(name));
    assert.equal(found.verdict, verdict, `${name}: ${found.message}`);
    if (message) assert.match(found.message!, message);
  };

  test('is sound, or CMYK, of 16 bits, animated: odd, but it decodes', async () => {
    await plain(30, 20).jpeg().toFile(file('sound.jpg'));
    await plain(30, 20).png().toFile(file('sound.png'));
    await plain(30, 20).jpeg().toColourspace('cmyk').toFile(file('ink.jpg'));
    await plain(30, 20).toColourspace('rgb16').png().toFile(file('deep.png'));
    const frames = Buffer.from(Array.from({ length: 30 * 40 * 3 }, (_, i) => (i < 30 * 20 * 3 ? 200 : 40)));
    await sharp(frames, { raw: { width: 30, height: 40, channels: 3, pageHeight: 20 } })
      .gif()
      .toFile(file('moving.gif'));
    await is('sound.jpg', 'sound');
    await is('sound.png', 'sound');
    await is('ink.jpg', 'CMYK');
    await is('deep.png', '16-bit');
    await is('moving.gif', 'animated');
  });

  test('is missing, no image, truncated, too large or unreadable: a fault', async () => {
    const jpeg = await plain(300, 200).jpeg().toBuffer();
    writeFileSync(file('cut.jpg'), jpeg.subarray(0, Math.floor(0.7 * jpeg.length)));
    await plain(300, 200).png({ compressionLevel: 0 }).toFile(file('cut.png'));
    truncateSync(file('cut.png'), 60_000);
    writeFileSync(file('page.jpg'), '<html>429 Too Many Requests</html>');
    writeFileSync(file('empty.jpg'), '');
    mkdirSync(file('folder.jpg'));
    const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
    jpeg.writeUInt32BE(0xea60_ea60, frame + 5); // 60,000 × 60,000 pixels, it says
    writeFileSync(file('bomb.jpg'), jpeg);
    await is('absent.jpg', 'missing');
    await is('page.jpg', 'not an image');
    await is('empty.jpg', 'not an image', /empty/);
    await is('cut.jpg', 'truncated');
    await is('cut.png', 'truncated');
    await is('folder.jpg', 'not an image');
    await is('bomb.jpg', 'too large');
  });

  const golden = sharedPath('golden', 'images');
  test('of the golden set gets the right word', { skip: golden === undefined && 'no ../shared' }, async () => {
    const expected: Record<string, Verdict> = {
      'landscape.jpg': 'sound',
      'cmyk.jpg': 'CMYK',
      'rgb16.png': '16-bit',
      'gray16.png': '16-bit',
      'palette.png': 'sound',
      'png-inside.jpg': 'sound',
      'truncated.jpg': 'truncated',
      'empty.jpg': 'not an image',
      'text.jpg': 'not an image',
    };
    for (const [name, verdict] of Object.entries(expected)) {
      assert.equal((await inspectImage(join(golden!, name))).verdict, verdict, name);
    }
  });
});

describe('decoding a whole split', () => {
  const verify = (
    set: Awaited<ReturnType<typeof smallSet>>,
    options: Partial<Parameters<typeof verifyImages>[1]> = {},
  ) => verifyImages(set.files, { missing: new Int32Array(0), workers: 2, environment, ...options });

  test('tells each bad file; the second time nothing is decoded but what changed', async () => {
    const set = await smallSet();
    truncateSync(set.at('class1/002.jpg'), 300);
    writeFileSync(set.at('class2/004.jpg'), 'text');
    const heard: number[] = [];
    const first = await verify(set, { onProgress: checked => heard.push(checked) });
    assert.deepEqual([first.finished, first.reused, heard.at(-1)], [true, 0, 22]);
    const wrong = namesOf(first.verdicts)
      .map((verdict, i) => ({ verdict, i }))
      .filter(({ verdict }) => verdict !== 'sound');
    assert.deepEqual(wrong, [
      { verdict: 'truncated', i: 13 },
      { verdict: 'not an image', i: 21 },
    ]);
    const second = await verify(set);
    assert.deepEqual([second.reused, namesOf(second.verdicts)], [22, namesOf(first.verdicts)]);

    await writePicture(set.at('class1/002.jpg'), 1, 7);
    rmSync(set.at('class0/001.jpg'));
    copyFileSync(set.at('class0/003.jpg'), set.at('class0/002.jpg'));
    utimesSync(set.at('class0/002.jpg'), 1, 1);
    assert.deepEqual(second.digests, first.digests);
    const third = await verify(set, { missing: Int32Array.of(0) });
    const digest = (i: number) => [...third.digests.subarray(2 * i, 2 * i + 2)];
    assert.deepEqual([digest(0), digest(1)], [[0, 0], digest(2)]); // class0/002.jpg is a copy of 003.jpg now
    assert.notDeepEqual(digest(2), digest(3));
    assert.equal(third.reused, 19);
    assert.deepEqual(
      namesOf(third.verdicts).filter(verdict => verdict !== 'sound'),
      ['missing', 'not an image'],
    );
  });

  test('goes on where it was stopped', async () => {
    const set = await smallSet();
    let asked = 0;
    const stopped = await verify(set, { workers: 1, stopped: () => asked++ > 0, filesPerJob: 4 });
    assert.deepEqual(
      [stopped.finished, namesOf(stopped.verdicts).filter(verdict => verdict === 'sound').length],
      [false, 4],
    );
    const whole = await verify(set);
    assert.deepEqual([whole.finished, whole.reused], [true, 4]);
  });

  test('reads a file again that could not be read before, for permissions are no part of its size and time', async () => {
    const set = await smallSet();
    await verify(set);
    const memory = recallVerified(set.files, environment);
    memory.verdicts[5] = codeOf('unreadable');
    rememberVerified(set.files, memory, environment);
    const again = await verify(set);
    assert.deepEqual([again.reused, namesOf(again.verdicts)[5]], [21, 'sound']);
  });

  test('does without a memory that is damaged', async () => {
    const set = await smallSet();
    await verify(set);
    const path = memoryPath(set.files, environment);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    assert.equal((await verify(set)).reused, 0);
    assert.equal((await verify(set)).reused, 22);
  });
});

test('a cache that cannot be written costs a note, not the check', async () => {
  const set = await smallSet();
  const nowhere = { GALA_CACHE: '/proc/nowhere' };
  const note = /^What was found could not be remembered: ENOENT: .*\/proc\/nowhere/;
  const found = await verifyImages(set.files, { missing: new Int32Array(0), workers: 1, environment: nowhere });
  assert.deepEqual([found.finished, new Set(namesOf(found.verdicts))], [true, new Set(['sound'])]);
  assert.match(found.note!, note);
  const options = { root: set.root, set: undefined, deep: true, skips: false, environment: nowhere };
  const { files, notes } = await checkSplit('train', set.train, options);
  assert.equal(files.length, 22);
  assert.match(notes[0]!, note);
});

describe('the report of a split', () => {
  test('counts by class, names the files and says what to get', async () => {
    const root = await writeTree(join(scratch, 'report'), imagenetTree(3, { flat: true }));
    rmSync(join(root, 'train/n01447641/n01447641_2.JPEG'));
    const config = { dataset: 'imagenet_lt' as const, train_list: 'train.txt', test_list: 'test.txt' };
    const { train, set } = openImageSplits(config, { root, val: false });
    const { verdicts: codes } = await verifyImages(train.files, {
      missing: train.located.missing,
      environment,
      workers: 1,
    });
    const report = reportSplit('train', train, codes, root, set);
    assert.ok(isFaulty(report));
    assert.deepEqual(report.found, { sound: 21, missing: 1 });
    assert.deepEqual(report.classes, [{ label: 1, name: 'n01447641', listed: 6, found: { missing: 1 } }]);
    assert.deepEqual(report.files, [
      { path: join(root, 'train/n01447641/n01447641_2.JPEG'), label: 1, verdict: 'missing' },
    ]);
    assert.match(report.advice!, /ILSVRC2012_img_train\.tar/);
    const damaged = reportSplit(
      'train',
      train,
      codes.map(code => (code === codeOf('missing') ? codeOf('damaged') : code)),
      root,
      undefined,
    );
    assert.equal(damaged.advice, 'Fetch them again, or train without them: --set data.on_bad_image=skip.');
    // The list is a cut of the published one: all its counts are wrong, and told.
    assert.equal(report.wrongCounts.length, 1000);
    assert.deepEqual(report.wrongCounts[1], { label: 1, name: 'n01447641', listed: 6, published: 250 });
  });
});

describe('the check before training', () => {
  const check = (set: Awaited<ReturnType<typeof smallSet>>, options: { deep?: boolean; skips?: boolean } = {}) =>
    checkSplit('train', set.open().train, {
      root: set.root,
      set: undefined,
      deep: true,
      skips: false,
      environment,
      ...options,
    });

  test('lets sound images pass', async () => {
    const set = await smallSet();
    assert.equal((await check(set)).files.length, 22);
  });

  test('refuses a bad image with its path and the remedy; a fast one finds only what is not there', async () => {
    const set = await smallSet();
    truncateSync(set.at('class1/002.jpg'), 300);
    assert.equal((await check(set, { deep: false })).files.length, 22);
    await assert.rejects(check(set), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(
        error.message,
        /1 of the 22 train images cannot be used \(1 truncated\)\. The JPEG image is truncated/,
      );
      assert.equal(error.where, `the first: ${set.at('class1/002.jpg')}`);
      assert.match(error.next!, /`gala data verify --config CONFIG --data \S+ --deep`.*--set data\.on_bad_image=skip/);
      return true;
    });
    const list = set.open();
    const missing = { ...list.train, located: { ...list.train.located, missing: Int32Array.of(5) } };
    const options = { root: set.root, set: undefined, skips: false, environment, deep: false };
    await assert.rejects(checkSplit('train', missing, options), /1 of the 22 train images are missing/);
  });

  test('with skip leaves bad images out, counts and names them', async () => {
    const set = await smallSet();
    truncateSync(set.at('class1/002.jpg'), 300);
    const { files, notes } = await check(set, { skips: true });
    assert.equal(files.length, 21);
    assert.ok(!Array.from(files.labels, (_, i) => files.path(i)).includes(set.at('class1/002.jpg')));
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /1 of the 22 train images are left out .*class1\/002\.jpg \(truncated\)\.$/);
  });

  test('with skip does not give up a whole class', async () => {
    const set = await smallSet();
    for (const name of ['001', '002', '003', '004']) writeFileSync(set.at(`class2/${name}.jpg`), 'text');
    await assert.rejects(check(set, { skips: true }), /class 2 \(class2\) has no training image left/);
  });

  test('ends when its watcher says so', async () => {
    const set = await smallSet();
    const watcher = { onCheck: () => {}, onChecked: () => {}, stopped: () => true };
    const options = { root: set.root, set: undefined, deep: true, skips: false, environment, watcher };
    await assert.rejects(checkSplit('train', set.train, options), CheckStopped);
  });
});
