/** Whether the engines of a cache are what was installed, and who could have changed them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheWarning } from '../../../src/engine/install/cacheAccess.js';
import { checkContents, contentSha256 } from '../../../src/engine/install/content.js';
import { cudaPins } from '../../../src/engine/install/cuda.js';
import { installEngine } from '../../../src/engine/install/install.js';
import { tensorflowCpu, type WheelPin, wheelsOf, xlaCpu } from '../../../src/engine/install/pin.js';
import { cachedItems, removeFromCache } from '../../../src/engine/install/remove.js';
import { StorageError } from '../../../src/errors.js';
import { sha256 } from '../../../src/io/hash.js';
import { linux, temporaryFolder, wheelContent, writeFakeWheel } from './fakeWheel.js';

/** The pin of the small wheel, with the checksum of what is in it. */
function pinWithContent(folder: string): { wheel: string; pin: WheelPin } {
  const { wheel, pin } = writeFakeWheel(folder);
  const lines = pin.members.map(({ path }) => `${sha256(wheelContent[path]!)}  ${path}\n`);
  return { wheel, pin: { ...pin, contentSha256: sha256(...lines) } };
}

test('A byte that changes while the size stays is found by the contents, and only by them', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = pinWithContent(folder);
  const cache = join(folder, 'cache');
  const { folder: engine } = await installEngine({ pin, cache, from: wheel, platform: linux });
  const verdict = async (checked: WheelPin) => (await checkContents(cache, [{ pin: checked, install: 'again' }]))[0];
  assert.deepEqual(await verdict(pin), {
    name: 'tiny-engine-1.0.0',
    folder: engine,
    content: 'unchanged',
    install: 'again',
  });
  const { contentSha256: _, ...withoutChecksum } = pin;
  assert.equal((await verdict(withoutChecksum))?.content, 'unknown');
  const library = Buffer.from(wheelContent['tensorflow/libtensorflow_cc.so.2']!);
  library[700_000]! ^= 1;
  writeFileSync(join(engine, 'libtensorflow_cc.so.2'), library);
  assert.equal(
    (await installEngine({ pin, cache, from: wheel, platform: linux })).fresh,
    false,
    'the size is the same',
  );
  assert.equal((await verdict(pin))?.content, 'changed');
});

test('The checksum of contents is that of what sha256sum prints', async t => {
  const folder = temporaryFolder(t);
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), name.repeat(1000));
  const printed = execFileSync('sha256sum', ['b', 'a'], { cwd: folder });
  assert.equal(await contentSha256(folder, ['b', 'a']), sha256(printed));
});

test('Every wheel of every engine has the checksum of its contents', () => {
  const wheels = [tensorflowCpu, xlaCpu, ...Object.values(cudaPins)].flatMap(wheelsOf);
  for (const { name, contentSha256: checksum } of wheels) assert.match(checksum ?? '', /^[0-9a-f]{64}$/, name);
});

test('A cache that others may change is told with the command against it; that of one user alone is not', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = pinWithContent(folder);
  const cache = join(folder, 'the cache');
  assert.equal(cacheWarning(cache), undefined, 'there is none yet');
  const { folder: engine } = await installEngine({ pin, cache, from: wheel, platform: linux });
  assert.equal(cacheWarning(cache), undefined);
  const other = join(folder, 'other');
  mkdirSync(join(other, 'engine'), { recursive: true });
  symlinkSync(join(other, 'engine'), join(cache, 'engines', 'linked'));
  for (const path of [folder, cache, engine, join(engine, 'libtensorflow_cc.so.2'), other]) {
    chmodSync(path, 0o777);
    const warning = cacheWarning(cache)!;
    assert.match(warning, /^Every user of this machine can change /);
    const command = /: (chmod .*)\. `gala doctor --deep`/.exec(warning)![1]!;
    assert.equal(command.includes('-R'), path.startsWith(cache), 'nothing outside of the cache is changed');
    execFileSync('sh', ['-c', command]);
    assert.equal(cacheWarning(cache), undefined, command);
  }
});

test('What is removed from the cache is what gala put there', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = pinWithContent(folder);
  const cache = join(folder, 'cache');
  const { folder: engine } = await installEngine({ pin, cache, from: wheel, platform: linux });
  mkdirSync(join(cache, 'engines', 'mine-1.0'));
  writeFileSync(join(cache, 'engines', 'mine-1.0', 'thesis.tex'), '');
  writeFileSync(join(engine, 'notes.txt'), '');
  mkdirSync(join(cache, 'compiled'));
  for (const name of [`${'0'.repeat(64)}.xla`, 'notes.txt']) writeFileSync(join(cache, 'compiled', name), '');
  assert.deepEqual(
    cachedItems(cache).map(({ name }) => name),
    ['tiny-engine-1.0.0', 'compiled'],
  );
  const removed = await removeFromCache(cache, ['tiny-engine', 'compiled'], () => {});
  assert.deepEqual(
    removed.map(({ name, left }) => [name, left]),
    [
      ['tiny-engine-1.0.0', 1],
      ['compiled', 1],
    ],
  );
  assert.deepEqual(readdirSync(engine), ['notes.txt']);
  assert.deepEqual(readdirSync(join(cache, 'compiled')), ['notes.txt']);
  assert.deepEqual(readdirSync(join(cache, 'engines', 'mine-1.0')), ['thesis.tex']);
  assert.deepEqual(cachedItems(cache), []);
});

test('Engines behind a link are not removed', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = pinWithContent(folder);
  const [cache, other] = [join(folder, 'cache'), join(folder, 'other')];
  const { folder: engine } = await installEngine({ pin, cache: other, from: wheel, platform: linux });
  const before = readdirSync(engine);
  mkdirSync(cache);
  symlinkSync(join(other, 'engines'), join(cache, 'engines'));
  await assert.rejects(
    removeFromCache(cache, ['tiny-engine'], () => {}),
    StorageError,
  );
  assert.deepEqual(readdirSync(engine), before);
});
