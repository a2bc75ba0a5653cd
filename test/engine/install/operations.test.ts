/** gala's own operations as `gala engine install` compiles them, with stand-ins for the compiler. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enginesFolder, installedOperations } from '../../../src/engine/install/cache.js';
import { checkContents } from '../../../src/engine/install/content.js';
import { findOperations, lacksOperations, operationsLibrary } from '../../../src/engine/install/locate.js';
import { installOperations } from '../../../src/engine/install/operations.js';
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
  const library = operationsLibrary();
  assert.equal(lacksOperations(environment), library !== undefined);
  const { folder, manifest, fresh } = await installOperations({ cache, environment });
  assert.ok(fresh);
  assert.deepEqual(readdirSync(folder).sort(), ['manifest.json', 'operations-avx2.so', 'operations-avx512.so']);
  assert.match(readFileSync(join(folder, 'operations-avx512.so'), 'utf8'), / -mavx512f /);
  assert.doesNotMatch(readFileSync(join(folder, 'operations-avx2.so'), 'utf8'), /avx512f/);
  assert.deepEqual(installedOperations(cache), manifest);
  assert.equal(findOperations(environment), library && join(folder, library));
  assert.equal(lacksOperations(environment), false);
  assert.equal((await installOperations({ cache, environment })).fresh, false);
  assert.equal((await installOperations({ cache, environment, force: true })).fresh, true);
});

test('A file cut short does not count, and changed bytes are found by contents', async t => {
  const { cache, environment } = withCompiler(temporaryFolder(t), 'echo 1234 > "$target"');
  const { folder } = await installOperations({ cache, environment });
  const contentOf = async () => (await checkContents(cache, [])).map(({ content, install }) => [content, install]);
  assert.deepEqual(await contentOf(), [['unchanged', 'gala engine install --force']]);
  writeFileSync(join(folder, 'operations-avx2.so'), '1235\n');
  assert.deepEqual(await contentOf(), [['changed', 'gala engine install --force']]);
  truncateSync(join(folder, 'operations-avx2.so'), 2);
  assert.equal(installedOperations(cache), undefined);
});

test('Without a compiler, and where it fails, the error says what to do, and nothing stays', async t => {
  const without = withCompiler(temporaryFolder(t));
  const error = (message: RegExp, next: RegExp) => (thrown: unknown) =>
    thrown instanceof EngineError && message.test(thrown.message) && next.test(thrown.next ?? '');
  const noCompiler = error(/to build gala’s operations, and there is no/, /apt install/);
  await assert.rejects(installOperations(without), noCompiler);
  const failing = withCompiler(temporaryFolder(t), 'echo "operations.cc:1: error: no" >&2; exit 1');
  await assert.rejects(installOperations(failing), error(/could not compile.*\n.*operations\.cc:1: error: no/, /CXX/));
  assert.deepEqual(readdirSync(enginesFolder(failing.cache)), []);
  assert.equal(existsSync(enginesFolder(without.cache)) && readdirSync(enginesFolder(without.cache)).length > 0, false);
});

test('A CPU gets the library of its widest vectors, and none without AVX2', () => {
  const sets = ['avx512_core_amx', 'avx512_core', 'avx2', 'avx', 'unknown'] as const;
  const [wide, narrow] = ['operations-avx512.so', 'operations-avx2.so'];
  assert.deepEqual(sets.map(operationsLibrary), [wide, wide, narrow, undefined, undefined]);
});
