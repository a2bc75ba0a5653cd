/** gala's own operations as `gala engine install` compiles them, with stand-ins for the compiler. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enginesFolder, installedOperations } from '../../../src/engine/install/cache.js';
import { checkContents } from '../../../src/engine/install/content.js';
import { findOperations, lacksOperations, runsOperations } from '../../../src/engine/install/locate.js';
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
  assert.equal(lacksOperations(environment), runsOperations());
  const { folder, manifest, fresh } = await installOperations({ cache, environment });
  assert.ok(fresh);
  assert.deepEqual(readdirSync(folder).sort(), ['manifest.json', 'operations.so']);
  assert.deepEqual(installedOperations(cache), manifest);
  assert.equal(findOperations(environment), runsOperations() ? join(folder, 'operations.so') : undefined);
  assert.equal(lacksOperations(environment), false);
  assert.equal((await installOperations({ cache, environment })).fresh, false);
  assert.equal((await installOperations({ cache, environment, force: true })).fresh, true);
});

test('A file cut short does not count, and changed bytes are found by contents', async t => {
  const { cache, environment } = withCompiler(temporaryFolder(t), 'echo 1234 > "$target"');
  const { folder } = await installOperations({ cache, environment });
  const contentOf = async () => (await checkContents(cache, [])).map(({ content, install }) => [content, install]);
  assert.deepEqual(await contentOf(), [['unchanged', 'gala engine install --force']]);
  writeFileSync(join(folder, 'operations.so'), '1235\n');
  assert.deepEqual(await contentOf(), [['changed', 'gala engine install --force']]);
  truncateSync(join(folder, 'operations.so'), 2);
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

test('They need AVX2 and FMA', () => {
  assert.deepEqual([['avx2', 'fma'], ['avx2'], ['fma', 'avx'], []].map(runsOperations), [true, false, false, false]);
});
