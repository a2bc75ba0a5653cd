import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { ImageFiles } from '../../../src/data/files/imageFiles.js';
import { subsetOfFiles } from '../../../src/data/files/imageFiles.js';
import { fileDataset } from '../../../src/data/files/storedDataset.js';
import { makeImageReader } from '../../../src/data/images/readImage.js';
import { wholeBox } from '../../../src/data/images/rgbImage.js';
import { packImages } from '../../../src/data/pack/pack.js';
import { isPackedSet, openPackedSplit } from '../../../src/data/pack/packedSet.js';
import { readBatches } from '../../../src/data/pipeline/pipeline.js';
import { ConfigError, DataError, StorageError } from '../../../src/errors.js';
import { sha256 } from '../../../src/io/hash.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { writeExampleFiles } from './exampleFiles.js';

const folder = temporaryFolder();
const size = { side: 32, shortSide: 36 };
/** So small a side makes shards of 12,945 images; the tests want several. */
const imagesPerShard = 4;
let files: ImageFiles;

before(async () => {
  files = await writeExampleFiles(join(folder, 'images'), 10);
});

const pack = (root: string, changed: Partial<Parameters<typeof packImages>[0]> = {}) =>
  packImages({
    files,
    split: 'train',
    folder: join(root, 'train'),
    shortSide: 36,
    workers: 2,
    imagesPerShard,
    onProgress: () => {},
    ...changed,
  });

const contents = (root: string) =>
  Object.fromEntries(
    readdirSync(join(root, 'train'))
      .sort()
      .map(name => [name, sha256(readFileSync(join(root, 'train', name)))]),
  );

async function centralCrops(dataset: Parameters<typeof readBatches>[0]): Promise<string[]> {
  const crops: string[] = [];
  for await (const { images, labels } of readBatches(dataset, 4, 1)) crops.push(`${sha256(images)} ${labels.join()}`);
  return crops;
}

describe('a packed set', () => {
  const root = join(folder, 'packed');
  before(() => pack(root));

  test('gives the central crops and labels of the files, byte for byte', async () => {
    assert.ok(isPackedSet(root) && !isPackedSet(folder));
    const packed = openPackedSplit(root, 'train', size);
    assert.equal(packed.length, 10);
    assert.deepEqual(packed.classNames, files.classNames);
    assert.deepEqual(await centralCrops(packed), await centralCrops(fileDataset(files, size)));
    assert.equal(packed.stored!.form, 'packed, short side 36');
    assert.notEqual(packed.fingerprint, files.fingerprint);
  });

  test('has larger images reduced and smaller ones as they are', () => {
    const { stored } = openPackedSplit(root, 'train', size);
    const sides = [...Array(10).keys()].map(i => stored!.locate(i).packed!);
    assert.ok(sides.some(({ height, width }) => Math.min(height, width) < 36));
    assert.ok(sides.every(({ height, width }) => Math.min(height, width) <= 36));
    assert.deepEqual([sides[0]!.height, sides[0]!.width], [20, 24]);
  });

  test('is the same for any number of workers', async () => {
    await pack(join(folder, 'one worker'), { workers: 1 });
    assert.deepEqual(contents(join(folder, 'one worker')), contents(root));
  });

  test('that lacks a split says which command packs it', () => {
    assert.throws(
      () => openPackedSplit(root, 'val', size),
      (error: unknown) =>
        dataError(error, /no split val/, 'val') &&
        /`gala data pack .*--split val --output /.test((error as DataError).next!),
    );
  });

  test('tells its progress, and counts what an earlier call had packed', async () => {
    const told: number[] = [];
    const summary = await pack(root, { onProgress: images => told.push(images) });
    assert.deepEqual([summary.images, summary.found, told.at(-1)], [10, 10, 10]);
    const expected = contents(root);
    rmSync(join(root, 'train', '00001.rgb'));
    truncateSync(join(root, 'train', '00002.rgb'), 100);
    writeFileSync(join(root, 'train', '00001.rgb.0123456789ab.tmp'), 'left behind by a killed call');
    assert.equal((await pack(root)).found, 4);
    assert.deepEqual(contents(root), expected);
  });

  test('is refused where the same folder should hold other images', async () => {
    const other = subsetOfFiles(files, Int32Array.of(1, 2, 3));
    for (const changed of [{ files: other }, { shortSide: 40 }, { split: 'test' }]) {
      await assert.rejects(pack(root, changed), (error: unknown) => dataError(error, /another pack/, 'pack.json'));
    }
  });
});

describe('the shards of a packed set', () => {
  const root = join(folder, 'many shards');
  before(async () => {
    const many = await writeExampleFiles(join(folder, 'for many shards'), 40);
    await pack(root, { files: many, imagesPerShard: 1 });
  });
  const openShards = () =>
    readdirSync('/proc/self/fd').filter(file => {
      const target = linkOf(`/proc/self/fd/${file}`);
      return target?.startsWith(root) && target.endsWith('.rgb');
    }).length;

  test('are kept open to a small number, and closed with the last batch', async () => {
    const opened: number[] = [];
    for await (const _ of readBatches(openPackedSplit(root, 'train', size), 4, 0)) opened.push(openShards());
    assert.equal(opened.length, 10);
    assert.equal(Math.max(...opened), 16);
    assert.equal(openShards(), 0);
  });

  test('are closed when reading ends early', async () => {
    for await (const _ of readBatches(openPackedSplit(root, 'train', size), 4, 0)) break;
    assert.equal(openShards(), 0);
  });

  test('that cannot be opened are not taken for damaged', async () => {
    const packed = openPackedSplit(root, 'train', size);
    rmSync(join(root, 'train', '00003.rgb'));
    mkdirSync(join(root, 'train', '00003.rgb'));
    for (const [name, message] of [
      ['00003.rgb', /could not be opened: it is a folder, not a regular file/],
      ['00004.rgb', /could not be opened: there is no such file or folder/],
    ] as const) {
      if (name === '00004.rgb') rmSync(join(root, 'train', name));
      const index = Number(name.slice(0, 5));
      await assert.rejects(
        () => makeImageReader().read(packed.stored!.locate(index), wholeBox),
        (error: unknown) => {
          assert.ok(error instanceof StorageError && error.where?.includes(name), String(error));
          assert.match(error.message, message);
          assert.doesNotMatch(error.next!, /[Dd]elete/);
          return true;
        },
      );
    }
  });
});

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}

describe('a damaged packed set', () => {
  const root = join(folder, 'damaged');
  const at = (name: string) => join(root, 'train', name);
  before(() => pack(root));

  test('with a changed byte names the shard and the byte when the image is read', async () => {
    const bytes = readFileSync(at('00001.rgb'));
    const kept = Buffer.from(bytes);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(at('00001.rgb'), bytes);
    for (const workers of [0, 1]) {
      await assert.rejects(
        async () => {
          for await (const _ of readBatches(openPackedSplit(root, 'train', size), 4, workers));
        },
        (error: unknown) => dataError(error, /shard is damaged/, '00001.rgb, byte '),
      );
    }
    writeFileSync(at('00001.rgb'), kept);
  });

  for (const [what, message, where, damage] of [
    ['a cut-off shard', /bytes, but its index says/, '00002.rgb', () => truncateSync(at('00002.rgb'), 50)],
    ['a missing shard', /shard is missing/, '00002.rgb', () => rmSync(at('00002.rgb'))],
    [
      'an index that is no JSON',
      /could not be read/,
      '00000.json',
      () => writeFileSync(at('00000.json'), '{"entries":[['),
    ],
    [
      'an index of other images',
      /does not have 4 images/,
      '00000.json',
      () => writeFileSync(at('00000.json'), '{"entries":[]}'),
    ],
    ['a missing index', /not complete/, '00000.json', () => rmSync(at('00000.json'))],
    ['a header of another format', /format/, 'pack.json', () => writeFileSync(at('pack.json'), '{"format":2}')],
    ['no header', /no split train/, 'train', () => rmSync(at('pack.json'))],
  ] as const) {
    test(`with ${what} is refused before anything is read`, async () => {
      damage();
      assert.throws(
        () => openPackedSplit(root, 'train', size),
        (error: unknown) => dataError(error, message, where),
      );
      if (what.startsWith('a header') || what === 'no header') rmSync(join(root, 'train'), { recursive: true });
      if (what.includes('index')) rmSync(at('00000.json'), { force: true });
      await pack(root);
      openPackedSplit(root, 'train', size);
    });
  }

  test('whose images are smaller than the config wants is refused', () => {
    assert.throws(() => openPackedSplit(root, 'train', { side: 32, shortSide: 37 }), ConfigError);
  });
});

describe('packing', () => {
  test('names an image that cannot be decoded, and leaves no shard of it', async () => {
    const bad = files.path(5);
    const kept = readFileSync(bad);
    const root = join(folder, 'bad image');
    writeFileSync(bad, kept.subarray(0, 60));
    await assert.rejects(pack(root, { workers: 1 }), (error: unknown) => dataError(error, /PNG/, '5.png'));
    assert.deepEqual(readdirSync(join(root, 'train')).sort(), ['00000.json', '00000.rgb', 'pack.json']);
    writeFileSync(bad, kept);
    assert.equal((await pack(root)).found, 4);
  });

  test('twice at once into one folder: the second waits, and finds what the first has made', async () => {
    const root = join(folder, 'twice');
    const heard: string[] = [];
    const options = { imagesPerShard: 1, onWait: (holder: string) => heard.push(holder) };
    const [first, second] = await Promise.all([pack(root, options), pack(root, options)]);
    assert.deepEqual([first.found, second.found].sort(), [0, 10]);
    assert.match(heard.join(), new RegExp(`^process ${process.pid}$`));
    assert.deepEqual(
      readdirSync(join(root, 'train')).filter(name => name.endsWith('.tmp')),
      [],
    );
  });

  test('into a folder that cannot be made says why', async () => {
    await assert.rejects(pack('/proc/nowhere'), (error: unknown) => {
      assert.ok(error instanceof StorageError && error.where === '/proc/nowhere/train' && error.next, String(error));
      return true;
    });
  });

  test('that is killed leaves nothing half, and goes on', async () => {
    const root = join(folder, 'killed');
    const many = await writeExampleFiles(join(folder, 'many'), 40);
    const script = `
      const { packImages } = await import(${JSON.stringify(new URL('../../../src/data/pack/pack.js', import.meta.url))});
      const { listOf } = await import(${JSON.stringify(new URL('./exampleFiles.js', import.meta.url))});
      const names = [...Array(40).keys()].map(i => i + (i % 2 === 0 ? '.jpg' : '.png'));
      const files = listOf(${JSON.stringify(join(folder, 'many'))}, names);
      await packImages({ files, split: 'train', folder: ${JSON.stringify(join(root, 'train'))}, shortSide: 36, workers: 1,
        imagesPerShard: 1, onProgress: () => {} });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    while (!existsSync(join(root, 'train', '00002.json')) && child.exitCode === null) {
      await new Promise(resolve => setTimeout(resolve, 2));
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const options = { files: many, imagesPerShard: 1 };
    const { found } = await pack(root, options);
    assert.ok(found >= 3 && found <= 40);
    await pack(join(folder, 'unbroken'), options);
    assert.deepEqual(contents(root), contents(join(folder, 'unbroken')));
  });
});

function dataError(error: unknown, message: RegExp, where: string): boolean {
  assert.ok(error instanceof DataError && error.next, String(error));
  assert.match(error.message, message);
  assert.ok(error.where?.includes(where), error.where);
  return true;
}
