import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasHeaders, installedManifest } from '../../../src/engine/install/cache.js';
import { installEngine } from '../../../src/engine/install/install.js';
import type { InstallOptions } from '../../../src/engine/install/publish.js';
import { EngineError } from '../../../src/errors.js';
import { downloadCalls, fakePython, linux, temporaryFolder, wheelContent, writeFakeWheel } from './fakeWheel.js';

async function failure(options: InstallOptions): Promise<EngineError> {
  try {
    await installEngine({ platform: linux, ...options });
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.exitCode, 5);
    assert.ok(error.where, 'the error says where');
    assert.ok(error.next, 'the error says what to do next');
    return error;
  }
  return assert.fail('the installation did not fail');
}

/** What a cache holds after a failure: no engine, no staging folder. */
function assertEmpty(cache: string): void {
  const names = existsSync(join(cache, 'engines')) ? readdirSync(join(cache, 'engines')) : [];
  assert.deepEqual(names, []);
}

test('an engine from a wheel file holds the pinned files side by side and a manifest, and nothing else', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const { folder: engine, manifest, fresh } = await installEngine({ pin, cache, from: wheel, platform: linux });
  assert.equal(fresh, true);
  assert.equal(engine, join(cache, 'engines', 'tiny-engine-1.0.0'));
  assert.deepEqual(readdirSync(engine).sort(), [
    'LICENSE',
    'libtensorflow_cc.so.2',
    'libtensorflow_framework.so.2',
    'manifest.json',
  ]);
  for (const { path } of pin.members) {
    assert.ok(readFileSync(join(engine, path.split('/').at(-1)!)).equals(wheelContent[path]!), path);
  }
  assert.equal(manifest.sha256, pin.sha256);
  assert.deepEqual(installedManifest(cache, pin), manifest);
  assert.ok(existsSync(wheel), 'the wheel given with --from stays where it is');
  assert.deepEqual(readdirSync(join(cache, 'engines')).sort(), ['tiny-engine-1.0.0']);
});

test('headers keep their folders, and an engine that was installed without them still counts as one', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const members = pin.members.filter(({ path }) => !path.includes('/include/'));
  const withHeaders = { ...pin, members, headers: ['tensorflow/include/LICENSE'] };
  const options = { pin: { ...pin, members }, cache: join(folder, 'cache'), from: wheel, platform: linux };
  const { folder: engine } = await installEngine(options);
  assert.equal(hasHeaders(options.cache, withHeaders), false);
  assert.equal((await installEngine({ ...options, pin: withHeaders })).fresh, false);
  await installEngine({ ...options, pin: withHeaders, force: true });
  assert.equal(hasHeaders(options.cache, withHeaders), true);
  assert.equal(readFileSync(join(engine, 'include', 'LICENSE'), 'utf8'), 'licence\n');
});

test('a header that the wheel lacks is a fault of the pin', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const faulty = { ...pin, headers: ['tensorflow/include/none.h'] };
  const error = await failure({ pin: faulty, cache: join(folder, 'cache'), from: wheel });
  assert.match(error.message, /include\/none\.h is not there/);
  assertEmpty(join(folder, 'cache'));
});

test('a download asks pip for the pinned wheel and tags, inside the cache, and reports its progress', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const environment = fakePython(
    folder,
    `printf '%s' "$TMPDIR" > ${folder}/tmpdir; /bin/cp ${wheel} "$dest"; /bin/sleep 0.5`,
  );
  const heard: (string | number)[] = [];
  const listener = {
    note: (line: string) => heard.push(line),
    start: (total: number) => heard.push(`start ${total}`),
    update: (value: number) => heard.push(value),
    stop: () => heard.push('stop'),
  };
  assert.equal((await installEngine({ pin, cache, environment, listener, platform: linux })).fresh, true);
  const [call] = downloadCalls(environment);
  for (const part of ['download', '--no-deps', '--only-binary=:all:', '--python-version 3.11', '--platform any']) {
    assert.ok(call?.includes(part), part);
  }
  assert.ok(call?.endsWith('tiny-engine==1.0.0'));
  assert.ok(readFileSync(join(folder, 'tmpdir'), 'utf8').startsWith(join(cache, 'engines', '.staging-')));
  assert.match(String(heard[0]), /^Downloading tiny-engine 1\.0\.0 with pip: 2 MB, then 2 MB on disk in /);
  assert.equal(heard[1], `start ${pin.wheelBytes}`);
  assert.ok(heard.includes(pin.wheelBytes));
  assert.ok(heard.includes('stop'));
});

test('an engine that is there is left alone, unless --force asks for it anew', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const options = { pin, cache: join(folder, 'cache'), from: wheel, platform: linux };
  const first = await installEngine(options);
  const again = await installEngine(options);
  assert.equal(again.fresh, false);
  assert.deepEqual(again.manifest, first.manifest);
  const forced = await installEngine({ ...options, force: true });
  assert.equal(forced.fresh, true);
  assert.deepEqual(readdirSync(join(folder, 'cache', 'engines')).sort(), ['tiny-engine-1.0.0']);
});

test('an engine with a file cut short does not count as installed and is replaced', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const options = { pin, cache: join(folder, 'cache'), from: wheel, platform: linux };
  const { folder: engine } = await installEngine(options);
  truncateSync(join(engine, 'libtensorflow_cc.so.2'), 1000);
  assert.equal(installedManifest(options.cache, pin), undefined);
  assert.equal((await installEngine(options)).fresh, true);
  assert.notEqual(installedManifest(options.cache, pin), undefined);
});

test('the leftovers of a dead installation are removed by the next one', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  mkdirSync(join(cache, 'engines', '.staging-dead', 'engine'), { recursive: true });
  writeFileSync(join(cache, 'engines', '.staging-dead', 'engine', 'libtensorflow_cc.so.2'), 'half');
  await installEngine({ pin, cache, from: wheel, platform: linux });
  assert.deepEqual(readdirSync(join(cache, 'engines')).sort(), ['tiny-engine-1.0.0']);
});

test('a wheel with another sha256 is refused, from a file and from an index, and leaves nothing', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const other = { ...pin, sha256: 'f'.repeat(64) };
  const local = await failure({ pin: other, cache, from: wheel });
  assert.match(local.message, new RegExp(`sha256 ${pin.sha256}, expected f{64}`));
  assert.equal(local.where, wheel);
  assertEmpty(cache);
  const environment = fakePython(folder, `/bin/cp ${wheel} "$dest"`);
  const fetched = await failure({ pin: other, cache, environment });
  assert.match(fetched.next!, /index or proxy/);
  assertEmpty(cache);
});

test('a wheel that lacks a pinned file is refused and leaves nothing', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const members = [...pin.members, { path: 'tensorflow/missing.so', bytes: 1 }];
  const error = await failure({ pin: { ...pin, members }, cache, from: wheel });
  assert.match(error.message, /tensorflow\/missing\.so has no bytes/);
  assertEmpty(cache);
});

test('without python3, without pip, the error says what to install', async t => {
  const folder = temporaryFolder(t);
  const { pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const without = await failure({ pin, cache, environment: { PATH: join(folder, 'nothing'), HOME: folder } });
  assert.match(without.message, /there is no python3, and no uv/);
  assert.match(without.next!, /apt install python3 python3-pip .* dnf install .* uv.*--from FILE\.whl/);
  const environment = fakePython(folder, 'exit 1', 'echo "No module named pip" >&2; exit 1');
  const withoutPip = await failure({ pin, cache, environment });
  assert.match(withoutPip.message, /python3 has no pip/);
  assert.match(withoutPip.next!, /apt install python3-pip/);
  assertEmpty(cache);
});

test('uv runs pip where python3 has none', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const environment = fakePython(folder, 'exit 1', 'exit 1');
  const script = `#!/bin/sh
if [ "$1" = --version ]; then exit 0; fi
printf '%s\\n' "$*" >> ${environment.PATH}/calls
while [ "$1" != --dest ]; do shift; done
/bin/cp ${wheel} "$2"
`;
  writeFileSync(join(environment.PATH!, 'uv'), script, { mode: 0o755 });
  await installEngine({ pin, cache: join(folder, 'cache'), environment, platform: linux });
  assert.match(downloadCalls(environment)[0]!, /^tool run pip download --dest /);
});

test(
  'when pip fails its own last lines are shown, and an offline way is named; a full disk is told as ' + 'such',
  async t => {
    const folder = temporaryFolder(t);
    const { pin } = writeFakeWheel(folder);
    const cache = join(folder, 'cache');
    const said =
      'ERROR: Could not find a version that satisfies the requirement tiny-engine==1.0.0 (from versions: none)';
    const network = await failure({ pin, cache, environment: fakePython(folder, `echo '${said}' >&2; exit 1`) });
    assert.ok(network.message.includes(said), network.message);
    assert.match(network.next!, /network.*--from FILE\.whl/);
    assertEmpty(cache);
    const full = join(folder, 'full');
    mkdirSync(full);
    const environment = fakePython(full, `echo 'OSError: [Errno 28] No space left on device' >&2; exit 1`);
    const space = await failure({ pin, cache, environment });
    assert.match(space.message, /the disk is full/);
    assert.match(space.next!, /--cache DIR/);
  },
);

test('space is checked before anything is downloaded, and a local wheel needs less of it', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const environment = fakePython(folder, 'exit 1');
  const free = 100 * 2 ** 20;
  const error = await failure({ pin, cache, environment, freeBytes: () => free });
  assert.match(error.message, /needs 138 MB of free disk space, and 105 MB are free/);
  assert.ok(!existsSync(join(environment.PATH!, 'calls')), 'pip was not asked to download');
  const unpacked = pin.members.reduce((sum, member) => sum + member.bytes, 0);
  const enough = unpacked + 128 * 2 ** 20;
  await failure({ pin, cache, environment, freeBytes: () => enough });
  await installEngine({ pin, cache, from: wheel, platform: linux, freeBytes: () => enough });
});

test('machines that the engine does not run on are told so before anything else', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const options = { pin, cache: join(folder, 'cache'), from: wheel };
  const mac = await failure({ ...options, platform: { system: 'darwin', architecture: 'arm64', glibc: undefined } });
  assert.match(mac.message, /Linux x86-64 only/);
  assert.match(mac.where!, /darwin arm64/);
  assert.match(mac.next!, /container/);
  const musl = await failure({ ...options, platform: { ...linux, glibc: undefined } });
  assert.match(musl.where!, /musl/);
  const old = await failure({ ...options, platform: { ...linux, glibc: '2.17' } });
  assert.match(old.where!, /glibc 2\.17/);
  assert.equal((await installEngine({ ...options, platform: { ...linux, glibc: '2.27' } })).fresh, true);
});

test('a wheel file that is not there and a cache that cannot be made are named', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const absent = await failure({ pin, cache: join(folder, 'cache'), from: join(folder, 'absent.whl') });
  assert.equal(absent.where, join(folder, 'absent.whl'));
  const cache = join(wheel, 'cache');
  const impossible = await failure({ pin, cache, from: wheel });
  assert.equal(impossible.where, cache);
  assert.match(impossible.next!, /permissions/);
});
