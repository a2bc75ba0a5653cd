/** gala's own convolutions as `gala engine install` compiles them, with stand-ins for the compiler. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enginesFolder, installedWinograd } from '../../../src/engine/install/cache.js';
import { checkContents } from '../../../src/engine/install/content.js';
import { findWinograd, lacksWinograd, runsWinograd } from '../../../src/engine/install/locate.js';
import { installWinograd } from '../../../src/engine/install/winograd.js';
import { EngineError } from '../../../src/errors.js';
import { temporaryFolder } from './fakeWheel.js';

/** A cache, and a PATH with a compiler that runs this shell script; `$target` is the file to write. */
function withCompiler(folder: string, script?: string) {
  const [cache, bin] = [join(folder, 'cache'), join(folder, 'bin')];
  mkdirSync(bin);
  if (script !== undefined) {
    const lines = ['#!/bin/sh', 'for target; do :; done', 'test "$1" = --version && exit 0', script];
    writeFileSync(join(bin, 'g++'), `${lines.join('\n')}\n`);
    chmodSync(join(bin, 'g++'), 0o755);
  }
  return { cache, environment: { PATH: `${bin}`, HOME: folder, GALA_CACHE: cache } };
}

test('They are compiled once, and found where the CPU runs them', async t => {
  const { cache, environment } = withCompiler(temporaryFolder(t), 'echo "$@" > "$target"');
  assert.equal(lacksWinograd(environment), runsWinograd());
  const { folder, manifest, fresh } = await installWinograd({ cache, environment });
  assert.ok(fresh);
  assert.deepEqual(readdirSync(folder).sort(), ['manifest.json', 'winograd.so']);
  assert.deepEqual(installedWinograd(cache), manifest);
  assert.equal(findWinograd(environment), runsWinograd() ? join(folder, 'winograd.so') : undefined);
  assert.equal(lacksWinograd(environment), false);
  assert.equal((await installWinograd({ cache, environment })).fresh, false);
  assert.equal((await installWinograd({ cache, environment, force: true })).fresh, true);
});

test('A file cut short does not count, and changed bytes are found by contents', async t => {
  const { cache, environment } = withCompiler(temporaryFolder(t), 'echo 1234 > "$target"');
  const { folder } = await installWinograd({ cache, environment });
  const contentOf = async () => (await checkContents(cache, [])).map(({ content, install }) => [content, install]);
  assert.deepEqual(await contentOf(), [['unchanged', 'gala engine install --force']]);
  writeFileSync(join(folder, 'winograd.so'), '1235\n');
  assert.deepEqual(await contentOf(), [['changed', 'gala engine install --force']]);
  truncateSync(join(folder, 'winograd.so'), 2);
  assert.equal(installedWinograd(cache), undefined);
});

test('Without a compiler, and where it fails, the error says what to do, and nothing stays', async t => {
  const without = withCompiler(temporaryFolder(t));
  const error = (message: RegExp, next: RegExp) => (thrown: unknown) =>
    thrown instanceof EngineError && message.test(thrown.message) && next.test(thrown.next ?? '');
  await assert.rejects(installWinograd(without), error(/to build gala’s convolutions, and there is no/, /apt install/));
  const failing = withCompiler(temporaryFolder(t), 'echo "winograd.cc:1: error: no" >&2; exit 1');
  await assert.rejects(installWinograd(failing), error(/could not compile.*\n.*winograd\.cc:1: error: no/, /CXX/));
  assert.deepEqual(readdirSync(enginesFolder(failing.cache)), []);
  assert.equal(existsSync(enginesFolder(without.cache)) && readdirSync(enginesFolder(without.cache)).length > 0, false);
});

test('They need AVX2 and FMA', () => {
  assert.deepEqual([['avx2', 'fma'], ['avx2'], ['fma', 'avx'], []].map(runsWinograd), [true, false, false, false]);
});
