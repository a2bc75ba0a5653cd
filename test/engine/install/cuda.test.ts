/** Which CUDA is installed for which driver, what the pins hold, and where the plugin is found. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GpuAnswer } from '../../../src/engine/gpu.js';
import { cudaCompiler, cudaFor, cudaPins } from '../../../src/engine/install/cuda.js';
import { checksumOf, targetOf, type WheelPin, wheelsOf } from '../../../src/engine/install/pin.js';
import { findCudaPlugin, requireCudaCompiler, requireCudaPlugin } from '../../../src/engine/pjrt/locate.js';
import { EngineError } from '../../../src/errors.js';
import { temporaryFolder } from './fakeWheel.js';

const driver = (cuda: number, ...capabilities: number[]): GpuAnswer => ({
  version: '570.1',
  cuda,
  gpus: capabilities.map(computeCapability => ({ name: 'GPU', memoryBytes: 1e9, computeCapability })),
});

test('CUDA goes by the driver, and by the oldest GPU: 13 has no code before Turing', () => {
  assert.equal(cudaFor(driver(13, 9)), 13);
  assert.equal(cudaFor(driver(13.1, 7.5, 10)), 13);
  assert.equal(cudaFor(driver(13, 9, 7)), 12);
  assert.equal(cudaFor(driver(12.2, 9)), 12);
  assert.throws(
    () => cudaFor(driver(11.8, 8)),
    (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.match(error.message, /up to 11\.8; .* needs CUDA 12 or 13/);
      assert.match(error.where!, /driver 570\.1/);
      return true;
    },
  );
  assert.throws(
    () => cudaFor({ missing: 'there is no /dev/nvidiactl' }),
    (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.match(error.next!, /--cuda 13 .*--cuda 12/);
      return true;
    },
  );
});

for (const [cuda, pin] of Object.entries(cudaPins)) {
  test(`The wheels for CUDA ${cuda} have checksums of their own and hold what the plugin is given`, () => {
    const wheels = wheelsOf(pin);
    const sums = wheels.map(({ sha256 }) => sha256);
    assert.equal(new Set(sums).size, sums.length);
    for (const { sha256, wheel, version } of wheels) {
      assert.match(sha256, /^[0-9a-f]{64}$/);
      assert.ok(wheel.includes(`-${version}-`), wheel);
    }
    const names = wheels.flatMap(({ members }) => members.map(({ path }) => basename(path)));
    for (const needed of [
      `libcudart.so.${cuda}`,
      `libcublasLt.so.${cuda}`,
      'libcudnn.so.9',
      'ptxas',
      'libdevice.10.bc',
    ])
      assert.ok(names.includes(needed), needed);
  });
}

/** Files of the pinned sizes (sparse) and a manifest, as an installation leaves them. */
function writeInstalled(cache: string, pin: WheelPin): string {
  const folder = join(cache, 'engines', `${pin.name}-${pin.version}`);
  const files: Record<string, number> = {};
  for (const { members } of wheelsOf(pin)) {
    for (const { path } of members) {
      const file = targetOf(pin, path);
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), '');
      files[file] = 0;
    }
  }
  const { name, version, wheel } = pin;
  const manifest = { name, version, wheel, sha256: checksumOf(pin), files, installed: '2026-11-25T00:00:00Z' };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

/** A Python environment with JAX's plugins for these CUDA versions. */
function writeVenv(folder: string, ...cudas: number[]): string {
  for (const cuda of cudas) {
    const sitePackages = join(folder, 'lib', 'python3.12', 'site-packages');
    mkdirSync(join(sitePackages, 'jax_plugins', `xla_cuda${cuda}`), { recursive: true });
    mkdirSync(join(sitePackages, `jax_cuda${cuda}_pjrt-0.9.1.dist-info`));
    writeFileSync(join(sitePackages, 'jax_plugins', `xla_cuda${cuda}`, 'xla_cuda_plugin.so'), '');
  }
  return folder;
}

const environmentOf = (t: TestContext) => {
  const folder = temporaryFolder(t);
  return { folder, environment: { PATH: '', HOME: folder, GALA_CACHE: join(folder, 'cache') } as NodeJS.ProcessEnv };
};

test('the plugin of the cache brings its CUDA with it and goes before that of a Python environment', t => {
  const { folder, environment } = environmentOf(t);
  environment.VIRTUAL_ENV = writeVenv(join(folder, 'venv'), 13);
  const python = findCudaPlugin(13, environment);
  assert.deepEqual([python?.origin, python?.version, python?.libraries], ['python', '0.9.1', []]);
  const engine = writeInstalled(environment.GALA_CACHE!, cudaPins[13]);
  const cached = findCudaPlugin(13.1, environment)!;
  assert.deepEqual([cached.origin, cached.version, cached.cuda], ['cache', '0.10.2', 13]);
  assert.equal(cached.path, join(engine, 'jax_plugins', 'xla_cuda13', 'xla_cuda_plugin.so'));
  assert.deepEqual(
    cached.libraries!.map(path => basename(path)),
    [
      ...['libcudart.so.13', 'libnvrtc.so.13', 'libnvJitLink.so.13', 'libcublasLt.so.13', 'libcublas.so.13'],
      ...['libnccl.so.2', 'libcudnn.so.9'],
    ],
  );
  assert.equal(cached.cudaFolder, join(engine, 'nvidia', 'cu13'));
});

test('a driver for CUDA 12 takes the plugin for CUDA 12 only; the plugin alone goes with a system-wide CUDA', t => {
  const { folder, environment } = environmentOf(t);
  environment.VIRTUAL_ENV = writeVenv(join(folder, 'venv'), 12, 13);
  assert.equal(findCudaPlugin(12.4, environment)?.cuda, 12);
  assert.equal(findCudaPlugin(13, environment)?.cuda, 13);
  assert.equal(findCudaPlugin(11.8, environment), undefined);
  delete environment.VIRTUAL_ENV;
  writeInstalled(environment.GALA_CACHE!, { ...cudaPins[12], companions: [] });
  const alone = findCudaPlugin(12.4, environment);
  assert.deepEqual([alone?.origin, alone?.libraries], ['cache', []]);
});

test(
  'what compiles for an absent GPU is the plugin with ptxas, of an engine or installed for that alone, ' +
    'and no engine then',
  t => {
    const { environment } = environmentOf(t);
    assert.throws(
      () => requireCudaCompiler(environment),
      (error: unknown) => error instanceof EngineError && /^gala engine install --cuda 13 --plan/.test(error.next!),
    );
    const alone = writeInstalled(environment.GALA_CACHE!, cudaCompiler);
    const { path, cudaFolder, version, cuda, libraries } = requireCudaCompiler(environment);
    assert.equal(path, join(alone, 'jax_plugins', 'xla_cuda13', 'xla_cuda_plugin.so'));
    assert.deepEqual([cudaFolder, version, cuda, libraries], [join(alone, 'nvidia', 'cu13'), '0.10.2', 13, []]);
    assert.equal(findCudaPlugin(13, environment), undefined);
    const engine = writeInstalled(environment.GALA_CACHE!, cudaPins[13]);
    assert.equal(requireCudaCompiler(environment).cudaFolder, join(engine, 'nvidia', 'cu13'));
  },
);

test('without a plugin the error names the installation; GALA_PJRT_PLUGIN goes before everything', t => {
  const { environment } = environmentOf(t);
  assert.throws(
    () => requireCudaPlugin(13, environment),
    (error: unknown) => error instanceof EngineError && error.next === 'gala engine install --cuda',
  );
  environment.GALA_PJRT_PLUGIN = '/some/plugin.so';
  assert.deepEqual(findCudaPlugin(13, environment), {
    path: '/some/plugin.so',
    origin: 'explicit',
    version: 'unknown',
    bytes: 0,
  });
});

test('a plugin that GALA_PJRT_PLUGIN names among JAX’s wheels is one for CUDA, with the CUDA beside it', t => {
  const { environment } = environmentOf(t);
  const engine = writeInstalled(environment.GALA_CACHE!, cudaPins[13]);
  const path = join(engine, 'jax_plugins', 'xla_cuda13', 'xla_cuda_plugin.so');
  const named = findCudaPlugin(13, { ...environment, GALA_CACHE: '/nowhere', GALA_PJRT_PLUGIN: path })!;
  assert.deepEqual([named.path, named.origin, named.cuda], [path, 'explicit', 13]);
  assert.equal(named.libraries!.length, 7);
  assert.equal(named.cudaFolder, join(engine, 'nvidia', 'cu13'));
});

test(
  'ptxas and libdevice, where the wheels have none, are those of CUDA_HOME, else of the system, else of ' + 'the PATH',
  t => {
    const { folder, environment } = environmentOf(t);
    environment.VIRTUAL_ENV = writeVenv(join(folder, 'venv'), 13);
    const toolkit = (name: string) => {
      mkdirSync(join(folder, name, 'bin'), { recursive: true });
      writeFileSync(join(folder, name, 'bin', 'ptxas'), '');
      return join(folder, name);
    };
    const cudaFolder = (more: NodeJS.ProcessEnv) => findCudaPlugin(13, { ...environment, ...more })!.cudaFolder;
    const onPath = { PATH: `${folder}/empty/bin:${toolkit('of-path')}/bin` };
    assert.equal(cudaFolder({ ...onPath, CUDA_HOME: toolkit('of-home') }), join(folder, 'of-home'));
    const system = ['/usr/local/cuda-13', '/usr/local/cuda'].find(path => existsSync(join(path, 'bin', 'ptxas')));
    assert.equal(cudaFolder({ ...onPath, CUDA_HOME: join(folder, 'empty') }), system ?? join(folder, 'of-path'));
    assert.equal(cudaFolder({}), system);
  },
);
