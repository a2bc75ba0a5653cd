import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GpuAnswer } from '../../src/engine/gpu.js';
import { compileCacheFolder, engineSettings, gpuClientOptions } from '../../src/engine/index.js';
import { operationsLibrary } from '../../src/engine/install/locate.js';
import { EngineError } from '../../src/errors.js';
import { bf16Pays, usableCores } from '../../src/machine/cpu.js';
import { temporaryFolder } from '../temporaryFolder.js';

const auto = { engine: 'auto', device: 'auto', precision: 'auto', threads: 'auto' } as const;
const onCpu = { precision: bf16Pays() ? 'bf16' : 'fp32', threads: usableCores() };
const twoGpus: GpuAnswer = {
  version: '580.65.06',
  cuda: 13,
  gpus: [
    { name: 'NVIDIA H200', memoryBytes: 150e9, computeCapability: 9 },
    { name: 'Tesla T4', memoryBytes: 16e9, computeCapability: 7.5 },
  ],
};
const temporary = temporaryFolder();
let machines = 0;

/** A machine with these GPUs whose virtual environment has XLA's plugin for CUDA 13, or lacks it. */
function machineWith(answer: GpuAnswer, { plugin = true } = {}) {
  const venv = join(temporary, String(machines++));
  const folder = join(venv, 'lib', 'python3.12', 'site-packages', 'jax_plugins', 'xla_cuda13');
  mkdirSync(folder, { recursive: true });
  if (plugin) writeFileSync(join(folder, 'xla_cuda_plugin.so'), '');
  return {
    environment: { PATH: '', HOME: venv, VIRTUAL_ENV: venv },
    askGpus: () => Promise.resolve(answer),
  };
}
const noGpu = machineWith({ missing: 'there is no /dev/nvidiactl' });

test('Without a GPU auto takes tensorflow, all cores, and bf16 where the CPU is faster in it', async () => {
  const { notes: _, ...settings } = await engineSettings(auto, noGpu);
  assert.deepEqual(settings, { engine: 'tensorflow', ...onCpu });
});

test('Engine settings that are given stay as they are', async () => {
  const given = { ...auto, engine: 'tensorflow', precision: 'fp32', threads: 3 } as const;
  const { notes: _, ...settings } = await engineSettings(given, noGpu);
  assert.deepEqual(settings, { engine: 'tensorflow', precision: 'fp32', threads: 3 });
  assert.equal((await engineSettings({ ...given, precision: 'bf16' }, noGpu)).precision, 'bf16');
});

test('Where gala’s own operations would be used and are not installed, a note names the installation', async () => {
  const notes = async (change: Partial<Parameters<typeof engineSettings>[0]>) =>
    (await engineSettings({ ...auto, precision: 'fp32', ...change }, noGpu)).notes?.join('\n') ?? '';
  assert.equal(
    /own operations are not installed.*gala engine install$/.test(await notes({})),
    operationsLibrary() !== undefined,
  );
  for (const change of [{ precision: 'bf16' }, { engine: 'eager' }, { engine: 'xla' }] as const)
    assert.equal(await notes(change), '');
});

test('Where a GPU answers and its plugin is there, auto takes xla on the first GPU, bf16 from Ampere on', async () => {
  const machine = machineWith(twoGpus);
  const compileCache = compileCacheFolder(machine.environment);
  const first = { engine: 'xla', device: 'cuda:0', precision: 'bf16', threads: onCpu.threads, compileCache };
  assert.deepEqual(await engineSettings(auto, machine), first);
  assert.deepEqual(await engineSettings({ ...auto, engine: 'xla' }, machine), first);
  assert.deepEqual(await engineSettings({ ...auto, device: 'cuda' }, machine), first);
  assert.deepEqual(await engineSettings({ ...auto, device: 'cuda:1' }, machine), {
    ...first,
    device: 'cuda:1',
    precision: 'fp32',
  });
});

test('With a GPU, engine tensorflow and device cpu still mean the CPU', async () => {
  const machine = machineWith(twoGpus);
  assert.equal((await engineSettings({ ...auto, engine: 'tensorflow' }, machine)).engine, 'tensorflow');
  const cpu = await engineSettings({ ...auto, device: 'cpu' }, machine);
  assert.deepEqual([cpu.engine, cpu.device], ['tensorflow', undefined]);
  const xla = await engineSettings({ ...auto, engine: 'xla', device: 'cpu' }, machine);
  assert.deepEqual([xla.engine, xla.device], ['xla', undefined]);
});

test('A GPU without its plugin leaves auto on the CPU, with a note that names the installation', async () => {
  const { engine, notes } = await engineSettings(auto, machineWith(twoGpus, { plugin: false }));
  assert.equal(engine, 'tensorflow');
  assert.match(notes![0]!, /NVIDIA H200.*gala engine install --cuda/);
});

test('A driver that is too old for the plugin that is there counts as a GPU without its plugin', async () => {
  const { engine, notes } = await engineSettings(auto, machineWith({ ...twoGpus, cuda: 12.4 }));
  assert.equal(engine, 'tensorflow');
  assert.match(notes![0]!, /install --cuda/);
});

test('A GPU that the config wants and that is not there is an error that says why', async () => {
  await assert.rejects(engineSettings({ ...auto, device: 'cuda' }, noGpu), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.match(error.message, /No GPU can be used: there is no \/dev\/nvidiactl/);
    assert.match(error.next!, /--device cpu/);
    return true;
  });
  await assert.rejects(engineSettings({ ...auto, device: 'cuda:2' }, machineWith(twoGpus)), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.match(error.where!, /cuda:0 NVIDIA H200, cuda:1 Tesla T4/);
    return true;
  });
});

test('The CUDA client takes one GPU and memory as it needs it, up to GALA_GPU_MEMORY', () => {
  assert.deepEqual(gpuClientOptions(1, {}), {
    visible_devices: [1],
    allocator: 'bfc',
    preallocate: false,
    memory_fraction: { float: 0.9 },
  });
  assert.deepEqual(gpuClientOptions(0, { GALA_GPU_MEMORY: '0.5' }).memory_fraction, { float: 0.5 });
  for (const GALA_GPU_MEMORY of ['0', '2', 'half'])
    assert.throws(() => gpuClientOptions(0, { GALA_GPU_MEMORY }), EngineError, GALA_GPU_MEMORY);
});
