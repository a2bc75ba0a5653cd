/** An engine of several wheels: XLA's CUDA plugin with NVIDIA's libraries. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { installedManifest } from '../../../src/engine/install/cache.js';
import { installEngine } from '../../../src/engine/install/install.js';
import type { WheelPin } from '../../../src/engine/install/pin.js';
import { cachedItems, removeFromCache } from '../../../src/engine/install/remove.js';
import { EngineError } from '../../../src/errors.js';
import { downloadCalls, fakePython, linux, temporaryFolder, writeFakeWheel } from './fakeWheel.js';

const pluginContent = { 'jax_plugins/xla_cuda13/xla_cuda_plugin.so': Buffer.alloc(1000, 'plugin ') };
const libraryContent = {
  'nvidia/cu13/lib/libcublas.so.13': Buffer.alloc(2000, 'cublas '),
  'nvidia/cu13/bin/ptxas': Buffer.from('#!/bin/sh\n'),
};

function writeWheels(t: TestContext): { folder: string; wheels: string; cache: string; pin: WheelPin } {
  const folder = temporaryFolder(t);
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  const plugin = writeFakeWheel(wheels, 'tiny-plugin', pluginContent);
  const library = writeFakeWheel(wheels, 'tiny-library', libraryContent);
  return { folder, wheels, cache: join(folder, 'cache'), pin: { ...plugin.pin, companions: [library.pin] } };
}

test('the members of all wheels keep their folders, programs can be run, and the sizes are in the manifest', async t => {
  const { wheels, cache, pin } = writeWheels(t);
  const { folder: engine, manifest } = await installEngine({ pin, cache, from: wheels, platform: linux });
  for (const [path, content] of Object.entries({ ...pluginContent, ...libraryContent }))
    assert.ok(readFileSync(join(engine, path)).equals(content), path);
  assert.equal(statSync(join(engine, 'nvidia/cu13/bin/ptxas')).mode & 0o777, 0o755);
  assert.equal(statSync(join(engine, 'nvidia/cu13/lib/libcublas.so.13')).mode & 0o111, 0);
  assert.deepEqual(installedManifest(cache, pin), manifest);
  assert.deepEqual(Object.keys(manifest.files).sort(), Object.keys({ ...pluginContent, ...libraryContent }).sort());
  assert.equal(installedManifest(cache, { ...pin, companions: [] }), undefined, 'the plugin alone is another engine');
});

test('every wheel is downloaded by itself and told with its size; one that is wrong leaves nothing', async t => {
  const { folder, wheels, cache, pin } = writeWheels(t);
  const copy = `for last; do :; done
    case "$last" in tiny-plugin==*) /bin/cp ${wheels}/tiny_plugin* "$dest" ;; *) /bin/cp ${wheels}/tiny_library* "$dest" ;; esac`;
  const environment = fakePython(folder, copy);
  const notes: string[] = [];
  const listener = { note: (line: string) => notes.push(line), start: () => {}, update: () => {}, stop: () => {} };
  await installEngine({ pin, cache, environment, listener, platform: linux });
  assert.deepEqual(
    downloadCalls(environment).map(call => call.split(' ').at(-1)),
    ['tiny-plugin==1.0.0', 'tiny-library==1.0.0'],
  );
  assert.match(notes[0]!, /^Downloading tiny-plugin 1\.0\.0 with pip: .* MB on disk in /);
  assert.match(notes[1]!, /tiny-library 1\.0\.0, [\d.]+ MB/);
  rmSync(cache, { recursive: true });
  const wrong = { ...pin, companions: [{ ...pin.companions![0]!, sha256: '0'.repeat(64) }] };
  await assert.rejects(installEngine({ pin: wrong, cache, environment, platform: linux }), EngineError);
  assert.deepEqual(readdirSync(join(cache, 'engines')), []);
});

test('a folder that lacks one of the wheels is an error that names it', async t => {
  const { wheels, cache, pin } = writeWheels(t);
  rmSync(join(wheels, pin.companions![0]!.wheel));
  await assert.rejects(installEngine({ pin, cache, from: wheels, platform: linux }), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.where, join(wheels, pin.companions![0]!.wheel));
    return true;
  });
});

test('what the cache holds is listed with its size and removed by name, with or without version', async t => {
  const { wheels, cache, pin } = writeWheels(t);
  await installEngine({ pin, cache, from: wheels, platform: linux });
  mkdirSync(join(cache, 'compiled'));
  const entry = join(cache, 'compiled', `${'0a'.repeat(32)}.xla`);
  writeFileSync(entry, Buffer.alloc(50));
  copyFileSync(entry, join(cache, 'other'));
  const items = cachedItems(cache);
  assert.deepEqual(
    items.map(({ name }) => name),
    ['tiny-plugin-1.0.0', 'compiled'],
  );
  assert.equal(items[1]!.bytes, 50);
  assert.ok(items[0]!.bytes > 3000);
  const noWaiting = () => assert.fail('nobody holds the lock');
  assert.deepEqual(
    (await removeFromCache(cache, ['tiny-plugin'], noWaiting)).map(({ name }) => name),
    ['tiny-plugin-1.0.0'],
  );
  assert.equal(installedManifest(cache, pin), undefined);
  await assert.rejects(removeFromCache(cache, ['compiled', 'tiny-plugin'], noWaiting), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.match(error.message, /no 'tiny-plugin'/);
    assert.match(error.next!, /one of these names: compiled/);
    return true;
  });
  assert.ok(existsSync(join(cache, 'compiled')), 'a wrong name removes nothing');
  await removeFromCache(cache, ['compiled'], noWaiting);
  assert.deepEqual(cachedItems(cache), []);
  assert.ok(existsSync(join(cache, 'other')), 'what is not gala’s engines stays');
});
