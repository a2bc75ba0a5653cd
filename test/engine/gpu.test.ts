/** The GPU driver's answers, from stand-ins for its library. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askGpuDriver, mayHaveGpu } from '../../src/engine/gpu.js';
import { describeUnless } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { compileLibrary, noCompiler } from './sharedLibrary.js';

const temporary = temporaryFolder();
const root = join(temporary, 'root');
mkdirSync(join(root, 'dev'), { recursive: true });
writeFileSync(join(root, 'dev/nvidiactl'), '');
let libraries = 0;

/** A libcuda whose cuInit returns `initialised`, with `count` devices. */
const libcuda = (initialised: number, count: number) =>
  compileLibrary(
    join(temporary, `libcuda${libraries++}.so`),
    `#include <string.h>
    int cuInit(unsigned flags) { return ${initialised}; }
    int cuDriverGetVersion(int* version) { *version = 12040; return 0; }
    int cuDeviceGetCount(int* count) { *count = ${count}; return 0; }
    int cuDeviceGet(int* device, int ordinal) { *device = 100 + ordinal; return 0; }
    int cuDeviceGetName(char* name, int length, int device) { strncpy(name, device == 100 ? "NVIDIA A100" : "Tesla T4", length); return 0; }
    int cuDeviceTotalMem_v2(unsigned long* bytes, int device) { *bytes = device == 100 ? 85899345920ul : 16ul << 30; return 0; }
    int cuDeviceGetAttribute(int* value, int which, int device) {
      *value = which == 75 ? (device == 100 ? 8 : 7) : which == 76 ? (device == 100 ? 0 : 5) : -1;
      return 0;
    }`,
  );

test('Without the traces of a driver no library is looked for', async () => {
  assert.equal(mayHaveGpu(temporary), false);
  assert.deepEqual(await askGpuDriver('/nowhere/libcuda.so', temporary), {
    missing: `there is no ${temporary}/dev/nvidiactl, so no NVIDIA driver runs`,
  });
});

test('After a boot the kernel module is there before its device files, and counts', () => {
  const booted = join(temporary, 'booted');
  mkdirSync(join(booted, 'proc/driver/nvidia'), { recursive: true });
  writeFileSync(join(booted, 'proc/driver/nvidia/version'), '');
  assert.equal(mayHaveGpu(booted), true);
});

test('A driver whose library is missing is no GPU, with the loader’s reason', async () => {
  const answer = await askGpuDriver('/nowhere/libcuda.so', root);
  assert.ok('missing' in answer);
  assert.match(answer.missing, /library cannot be loaded: .*\/nowhere\/libcuda\.so/);
});

describeUnless(noCompiler, 'A driver’s library', () => {
  test('tells the CUDA version and each GPU with name, memory and compute capability', async () => {
    const answer = await askGpuDriver(libcuda(0, 2), root);
    assert.ok(!('missing' in answer));
    assert.equal(answer.cuda, 12.4);
    assert.deepEqual(answer.gpus, [
      { name: 'NVIDIA A100', memoryBytes: 85899345920, computeCapability: 8 },
      { name: 'Tesla T4', memoryBytes: 16 * 2 ** 30, computeCapability: 7.5 },
    ]);
  });

  test('that sees no GPU says so, and names CUDA_VISIBLE_DEVICES where it is set', async () => {
    process.env.CUDA_VISIBLE_DEVICES = '-1';
    try {
      for (const library of [libcuda(100, 0), libcuda(0, 0)]) {
        const answer = await askGpuDriver(library, root);
        assert.ok('missing' in answer);
        assert.match(answer.missing, /the driver sees no GPU \(100\); CUDA_VISIBLE_DEVICES is '-1'/);
      }
    } finally {
      delete process.env.CUDA_VISIBLE_DEVICES;
    }
  });

  test('of another version than the driver is named as such', async () => {
    const answer = await askGpuDriver(libcuda(803, 0), root);
    assert.deepEqual(answer, {
      missing: 'cuInit failed: driver and driver library have different versions (803)',
    });
  });
});
