import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { installEngine } from '../../../src/engine/install/install.js';
import { findTensorFlow, listTensorFlow, requireTensorFlow } from '../../../src/engine/install/locate.js';
import { EngineError } from '../../../src/errors.js';
import { cacheFolder } from '../../../src/io/homePath.js';
import { linux, temporaryFolder, writeFakeWheel } from './fakeWheel.js';

function writeLibraries(folder: string, api = 'libtensorflow_cc.so.2'): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'libtensorflow_framework.so.2'), '1234');
  writeFileSync(join(folder, api), '567890');
  return folder;
}

/** A python3 that answers every question with `answer`. */
function writePython(bin: string, answer: string): string {
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
  return bin;
}

test('the order is: setting, cache, virtual environment, what python3 imports', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const explicit = writeLibraries(join(folder, 'explicit'));
  const cache = join(folder, 'cache');
  await installEngine({ pin, cache, from: wheel, platform: linux });
  const venv = join(folder, 'venv');
  const venvPackage = writeLibraries(join(venv, 'lib', 'python3.12', 'site-packages', 'tensorflow'));
  mkdirSync(join(venv, 'lib', 'python3.12', 'site-packages', 'tensorflow_cpu-2.20.0.dist-info'));
  const system = writeLibraries(join(folder, 'system', 'site-packages', 'tensorflow'));
  mkdirSync(join(folder, 'system', 'site-packages', 'tensorflow-2.19.1.dist-info'));
  const PATH = writePython(join(folder, 'bin'), system);
  const environment = { PATH, GALA_CACHE: cache, GALA_TENSORFLOW: explicit, VIRTUAL_ENV: venv };

  const found = listTensorFlow(environment, pin).filter(({ origin }) => origin !== 'tfjs-node-gpu');
  assert.deepEqual(
    found.map(({ libraryFolder, version, origin }) => ({ libraryFolder, version, origin })),
    [
      { libraryFolder: explicit, version: 'unknown', origin: 'explicit' },
      { libraryFolder: join(cache, 'engines', 'tiny-engine-1.0.0'), version: '1.0.0', origin: 'cache' },
      { libraryFolder: venvPackage, version: '2.20.0', origin: 'python' },
      { libraryFolder: system, version: '2.19.1', origin: 'python' },
    ],
  );
  assert.equal(found[0]?.bytes, 10);
  assert.deepEqual(found[0]?.libraries, ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2']);
  assert.deepEqual(findTensorFlow(environment, pin), found[0]);
});

test('a setting that names a folder without the libraries is an error, even if the cache has an engine', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  await installEngine({ pin, cache, from: wheel, platform: linux });
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const environment = { PATH: '', GALA_CACHE: cache, GALA_TENSORFLOW: empty };
  for (const find of [findTensorFlow, listTensorFlow]) {
    assert.throws(
      () => find(environment, pin),
      (error: unknown) => {
        assert.ok(error instanceof EngineError);
        assert.equal(error.where, empty);
        assert.match(error.next!, /libtensorflow_cc\.so\.2/);
        return true;
      },
    );
  }
});

test('the C distribution has its version in the name of the file that the library links to', t => {
  const folder = temporaryFolder(t);
  const library = writeLibraries(join(folder, 'lib'), 'libtensorflow.so.2.9.1');
  symlinkSync('libtensorflow.so.2.9.1', join(library, 'libtensorflow.so.2'));
  const location = findTensorFlow({ PATH: '', GALA_TENSORFLOW: library });
  assert.equal(location?.version, '2.9.1');
  assert.deepEqual(location?.libraries, ['libtensorflow_framework.so.2', 'libtensorflow.so.2']);
});

/** Its library cannot be hidden: where it has one, there is no machine without any engine. */
const addonHasLibrary = listTensorFlow({ PATH: '/nowhere', GALA_CACHE: '/nowhere' }).some(
  ({ origin }) => origin === 'tfjs-node-gpu',
);

test('without any engine the error names gala engine install, and a damaged engine counts as none', {
  skip: addonHasLibrary && '@tensorflow/tfjs-node-gpu has a library here',
}, async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const { folder: engine } = await installEngine({ pin, cache, from: wheel, platform: linux });
  const environment = { PATH: writePython(join(folder, 'bin'), ''), GALA_CACHE: cache };
  assert.equal(requireTensorFlow(environment, pin).origin, 'cache');
  rmSync(join(engine, 'libtensorflow_framework.so.2'));
  assert.equal(findTensorFlow(environment, pin), undefined);
  assert.throws(
    () => requireTensorFlow(environment, pin),
    (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.next, 'gala engine install');
      assert.ok(error.where?.includes(engine));
      return true;
    },
  );
});

test('the cache is the given folder, else GALA_CACHE, else $XDG_CACHE_HOME/gala, else ~/.cache/gala', () => {
  const HOME = '/home/someone';
  assert.equal(cacheFolder('/given', { HOME, GALA_CACHE: '/set' }), '/given');
  assert.equal(cacheFolder(undefined, { HOME, GALA_CACHE: '/set', XDG_CACHE_HOME: '/xdg' }), '/set');
  assert.equal(cacheFolder(undefined, { HOME, XDG_CACHE_HOME: '/xdg' }), '/xdg/gala');
  assert.equal(cacheFolder(undefined, { HOME, XDG_CACHE_HOME: 'relative' }), '/home/someone/.cache/gala');
  assert.equal(cacheFolder(undefined, { HOME, GALA_CACHE: '' }), '/home/someone/.cache/gala');
});
