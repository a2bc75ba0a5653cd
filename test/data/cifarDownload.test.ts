import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type CifarDownload, downloadCifar } from '../../src/data/cifar/download.js';
import { cifar100 } from '../../src/data/sets/cifar100.js';
import type { CifarLayout } from '../../src/data/sets/definition.js';
import { DataError, StorageError } from '../../src/errors.js';
import { md5 } from '../../src/io/hash.js';
import { randomFor } from '../../src/random.js';
import { type Behaviour, faultyServer } from '../io/faultyServer.js';
import { temporaryFolder } from '../temporaryFolder.js';

const scratch = temporaryFolder();
let folders = 0;
const newFolder = () => {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  return folder;
};

/** 60,000 bytes that do not get smaller when they are packed. */
function noise(name: string): Buffer {
  const random = randomFor('cifar', name);
  return Buffer.from(Array.from({ length: 60_000 }, () => random.uint32() & 255));
}

/** A small archive in the official layout, with members that nobody wants beside the wanted ones. */
function makeArchive(): { archive: Buffer; layout: CifarLayout; contents: Record<string, Buffer> } {
  const folder = newFolder();
  const official = cifar100.archives.python;
  const inside = join(folder, official.folder);
  mkdirSync(inside);
  const contents: Record<string, Buffer> = {};
  for (const name of ['train', 'test', 'meta']) {
    contents[name] = noise(name);
    writeFileSync(join(inside, name), contents[name]);
  }
  writeFileSync(join(inside, 'file.txt~'), 'left over');
  symlinkSync('/etc/passwd', join(inside, 'link'));
  writeFileSync(join(folder, 'outside'), 'x');
  execFileSync('tar', ['-C', folder, '-czf', 'a.tar.gz', '-P', official.folder, `${official.folder}/../outside`], {
    cwd: folder,
  });
  const archive = readFileSync(join(folder, 'a.tar.gz'));
  const md5Of = (bytes: Buffer) => md5(bytes);
  return {
    archive,
    contents,
    layout: {
      ...official,
      archive: { name: 'file.bin', md5: md5Of(archive), bytes: archive.length },
      md5: Object.fromEntries(Object.entries(contents).map(([name, bytes]) => [name, md5Of(bytes)])),
    },
  };
}

const { archive, layout, contents } = makeArchive();

async function download(behaviours: readonly Behaviour[], options: Partial<CifarDownload> & { content?: Buffer } = {}) {
  const { url, asked } = await faultyServer(options.content ?? archive, behaviours);
  const folder = options.folder ?? newFolder();
  const notes: string[] = [];
  const done = downloadCifar('cifar100', {
    layout,
    address: new URL('.', url).href,
    download: { pauseSeconds: 0.01 },
    onNote: note => notes.push(note),
    ...options,
    folder,
  });
  return { done, asked, folder, notes };
}

const wholeFolder = [layout.folder];

describe('downloading CIFAR', () => {
  test('gives the wanted files and nothing else, once', async () => {
    const { done, folder, asked } = await download(['range']);
    assert.deepEqual(await done, { folder: join(folder, layout.folder), fresh: true });
    assert.deepEqual(readdirSync(folder).sort(), wholeFolder);
    assert.deepEqual(readdirSync(join(folder, layout.folder)).sort(), ['meta', 'test', 'train']);
    for (const [name, bytes] of Object.entries(contents)) {
      assert.deepEqual(readFileSync(join(folder, layout.folder, name)), bytes);
    }
    const again = await download(['range'], { folder });
    assert.deepEqual(await again.done, { folder: join(folder, layout.folder), fresh: false });
    assert.deepEqual([asked.length, again.asked.length], [1, 0]);
  });

  test('from a server that drops the connection ends whole', async () => {
    const { done, asked } = await download([{ drop: 20_000 }, { drop: 30_000 }, 'range']);
    assert.equal((await done).fresh, true);
    assert.equal(asked.length, 3);
  });

  test('that was given up is gone on with by the next command', async () => {
    const folder = newFolder();
    const first = await download([{ drop: 20_000 }, { status: 503 }], { folder });
    await assert.rejects(first.done, DataError);
    assert.ok(existsSync(join(folder, 'file.bin.part')));
    assert.ok(!existsSync(join(folder, layout.folder)));
    const { done, asked } = await download(['range'], { folder });
    assert.equal((await done).fresh, true);
    assert.match(asked[0]!, /^bytes=\d+-$/);
    assert.deepEqual(readdirSync(folder).sort(), wholeFolder);
  });

  test('of wrong bytes is refused, deleted, and leaves no dataset', async () => {
    const wrong = Buffer.from(archive);
    wrong[1000]! ^= 1;
    const { done, folder } = await download(['range'], { content: wrong });
    await assert.rejects(done, (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, new RegExp(`md5 ${md5(wrong)}, published ${layout.archive.md5}`));
      assert.match(error.where!, /^http:\/\/127\.0\.0\.1:\d+\/file\.bin$/);
      return true;
    });
    assert.deepEqual(readdirSync(folder), []);
  });

  test('on top of a part that does not belong to it begins anew', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file.bin.part'), Buffer.alloc(5000, 'x'));
    const { done, asked, notes } = await download(['range'], { folder });
    assert.equal((await done).fresh, true);
    assert.deepEqual(asked, ['bytes=5000-', '']);
    assert.ok(notes.some(note => /Beginning anew/.test(note)));
  });

  test('two at once fetch once', async () => {
    const folder = newFolder();
    const { url, asked } = await faultyServer(archive, ['range']);
    const options = { layout, folder, address: new URL('.', url).href };
    const both = await Promise.all([downloadCifar('cifar100', options), downloadCifar('cifar100', options)]);
    assert.deepEqual(both.map(({ fresh }) => fresh).sort(), [false, true]);
    assert.equal(asked.length, 1);
  });

  test('into a folder that cannot be made is refused at once', async () => {
    const { done } = await download(['range'], { folder: '/proc/absent/data' });
    await assert.rejects(
      done,
      (error: unknown) => error instanceof StorageError && error.where === '/proc/absent/data',
    );
  });

  test('onto a disk without room is refused before it asks the server', async () => {
    const larger = { ...layout, archive: { ...layout.archive, bytes: 1e18 } };
    const { done, asked, folder } = await download(['range'], { layout: larger });
    await assert.rejects(done, { name: 'StorageError', where: folder, message: /need \d+ MB, and there are \d+ MB/ });
    assert.equal(asked.length, 0);
  });

  test('leaves what somebody else put there alone', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, layout.folder));
    writeFileSync(join(folder, layout.folder, 'train'), 'mine');
    const { done, asked } = await download(['range'], { folder });
    await assert.rejects(
      done,
      (error: unknown) => error instanceof StorageError && /lacks test, meta/.test(error.message),
    );
    assert.deepEqual([readFileSync(join(folder, layout.folder, 'train'), 'utf8'), asked.length], ['mine', 0]);
  });
});

describe('an archive on this machine', () => {
  test('is checked and unpacked, and stays', async () => {
    const path = join(newFolder(), 'mine.tar.gz');
    writeFileSync(path, archive);
    const { done, asked } = await download([], { from: path });
    assert.equal((await done).fresh, true);
    assert.ok(existsSync(path));
    assert.equal(asked.length, 0);
  });

  test('that is absent, another one or lacks a file is refused', async () => {
    const path = join(newFolder(), 'mine.tar.gz');
    const refused = async (message: RegExp, options: Partial<CifarDownload> = {}) => {
      const { done, folder } = await download([], { from: path, ...options });
      await assert.rejects(done, (error: unknown) => error instanceof DataError && message.test(error.message));
      assert.deepEqual(readdirSync(folder), []);
    };
    await refused(/archive is not there/);
    writeFileSync(path, 'something else');
    await refused(/md5 .* published/);
    writeFileSync(path, archive);
    await refused(/does not hold cifar-100-python\/more/, { layout: { ...layout, train: ['train', 'more'] } });
    await refused(/md5 .* published 0000/, { layout: { ...layout, md5: { ...layout.md5, train: '0000' } } });
    const cut = archive.subarray(0, archive.length / 2);
    writeFileSync(path, cut);
    const known = { ...layout, archive: { ...layout.archive, md5: md5(cut) } };
    await refused(/archive could not be unpacked/, { layout: known });
  });
});
