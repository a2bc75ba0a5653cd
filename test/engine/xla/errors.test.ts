/** What the `xla` engine says about plugins that it cannot use and modules that the plugin refuses. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { gpuClientOptions } from '../../../src/engine/index.js';
import { loadPlugin, requireVersion } from '../../../src/engine/pjrt/cApi.js';
import { newClient } from '../../../src/engine/pjrt/client.js';
import { findPlugin, requirePlugin } from '../../../src/engine/pjrt/locate.js';
import { EngineError } from '../../../src/errors.js';
import { float32 } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { threads } from '../compute.js';
import { compileLibrary, noCompiler } from '../sharedLibrary.js';
import { compileForXla, gpuCompiler, noCudaPlugin, noPlugin } from './plugin.js';

/** An `EngineError` whose message matches, which names a place or a remedy. */
const engineError = (message: RegExp, where?: string) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.match(error.message, message);
  if (where !== undefined) assert.equal(error.where, where);
  if (where !== undefined) assert.match(error.next ?? '', /gala engine install --xla-cpu/);
  return true;
};

test('A plugin that is not installed is an error that names the installation', () => {
  assert.throws(
    () => requirePlugin({ GALA_CACHE: '/nowhere' }),
    (error: EngineError) => error.next === 'gala engine install --xla-cpu',
  );
  assert.equal(findPlugin({ GALA_CACHE: '/nowhere' }), undefined);
});

test('A plugin file that is not there is an error that names it', () => {
  const path = '/nowhere/plugin.so';
  assert.throws(() => loadPlugin(requirePlugin({ GALA_PJRT_PLUGIN: path })), engineError(/does not exist/, path));
});

test('A library without GetPjrtApi is an error that says so', () => {
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  const library = sharedObjects.find(path => /\/libm[.-]/.test(path));
  assert.ok(library, 'Node loads the mathematics library');
  assert.throws(
    () => loadPlugin({ path: library }),
    engineError(/is not a PJRT plugin: it has no function GetPjrtApi/, library),
  );
});

test('A file that is no library is an error with the loader’s reason', () => {
  const path = import.meta.filename;
  assert.throws(() => loadPlugin({ path }), engineError(/could not be loaded: .*ELF/, path));
});

test('A plugin whose own libraries cannot be loaded is an error with the loader’s reason', () => {
  const path = import.meta.filename;
  assert.throws(
    () => loadPlugin({ path, libraries: ['/nowhere/libcudnn.so.9'] }),
    engineError(/could not be loaded: .*libcudnn\.so\.9/, path),
  );
});

test('A library of CUDA that no operation of gala uses may fail to load', () => {
  const path = import.meta.filename;
  assert.throws(
    () => loadPlugin({ path, libraries: ['/nowhere/libcusparse.so.12'] }),
    engineError(/could not be loaded: .*errors\.test/, path),
  );
});

test('A library of the time before the functions that gala needs is refused as too old', { skip: noCompiler }, () => {
  // Version 0.20 with the first 40 functions: what a plugin of early 2023 had
  const path = compileLibrary(
    join(temporaryFolder(), 'old_plugin.so'),
    `static struct { unsigned long size; void* extension; struct { unsigned long size; void* extension; int major, minor; } version; void* functions[40]; }
      api = { sizeof api, 0, { 24, 0, 0, 20 }, { 0 } };
    void* GetPjrtApi(void) { return &api; }`,
  );
  assert.throws(() => loadPlugin({ path }), engineError(/older version .* 0\.20 with a table of 360 bytes/, path));
});

test('A plugin whose table of functions is too short, or of another major version, is refused', () => {
  assert.equal(requireVersion('p.so', 984, 0, 81), '0.81');
  assert.throws(
    () => requireVersion('p.so', 400, 0, 20),
    engineError(/older version .* 0\.20 with a table of 400 bytes/, 'p.so'),
  );
  assert.throws(() => requireVersion('p.so', 984, 1, 0), engineError(/a different version .* 1\.0/, 'p.so'));
});

test('The real CUDA plugin, where the driver sees no GPU, is passed on in its own words', {
  skip: noCudaPlugin,
}, () => {
  const api = loadPlugin({ path: gpuCompiler!.path });
  assert.throws(
    () => newClient(api, gpuClientOptions(0, {})),
    (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.match(error.message, /could not make a client: No visible GPU devices\./);
      assert.match(error.next!, /gala doctor.*--device cpu/);
      return true;
    },
  );
  // Names and types of the options are those that the plugin knows
  assert.throws(() => newClient(api, { memory: true }), engineError(/Unexpected option name .*memory/));
  assert.throws(() => newClient(api, { preallocate: 'no' }), engineError(/preallocate has type index/));
});

describeUnless(noPlugin, 'With the CPU plugin', () => {
  test('a module that does not compile is an error with the plugin’s own reason', async () => {
    const client = newClient(loadPlugin(requirePlugin(), threads));
    try {
      await assert.rejects(
        client.compile('module { func.func public @main() -> tensor<f32> { return %nothing : tensor<f32> } }'),
        engineError(/could not compile a program: .*undeclared SSA value/),
      );
    } finally {
      client.destroy();
    }
  });

  test('wrong inputs, programs and state entries are refused by name, and the executable goes on', async () => {
    const x = float32([2], [1, 2]);
    const executable = await compileForXla({
      state: { w: float32([2], [3, 4]) },
      programs: { sum: { inputs: { x }, apply: ({ w }, given) => ({ state: { w: w!.add(given.x!) }, outputs: {} }) } },
    });
    try {
      await assert.rejects(executable.run('other', { x }), engineError(/no program 'other'; there are: sum/));
      await assert.rejects(
        executable.run('sum', { x: float32([3], [1, 2, 3]) }),
        engineError(/input 'x' takes float32 \[2\]/),
      );
      await assert.rejects(executable.writeState({ v: x }), engineError(/no state entry 'v'/));
      await Promise.all([executable.run('sum', { x }), executable.run('sum', { x })]);
      assert.deepEqual([...(await executable.readState()).w!.data], [5, 8]);
      await executable.writeState({ w: x });
      assert.deepEqual([...(await executable.readState()).w!.data], [1, 2]);
    } finally {
      executable.dispose();
    }
    await assert.rejects(executable.run('sum', { x }), engineError(/was disposed/));
  });
});
