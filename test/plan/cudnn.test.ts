/** What cuDNN has for the convolutions of a step, on GPUs that are not here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { compileLibrary, noCompiler } from '../engine/sharedLibrary.js';
import { cudnnFolder } from '../engine/xla/plugin.js';
import { temporaryFolder } from '../temporaryFolder.js';

const noCudnn = existsSync(join(cudnnFolder, 'libcudnn.so.9'))
  ? noCompiler
  : 'no cuDNN: GALA_TEST_CUDA=install npm test fetches it (366 MB)';

test('Each direction has engines, in bf16 on tensor cores where the GPU has them', { skip: noCudnn }, () => {
  // cuDNN asks cuBLAS for its version, and for a handle that it goes on without (15: not supported)
  const cublas = 'unsigned long cublasLtGetVersion(void) { return 130202; } int cublasLtCreate(void) { return 15; }';
  const folder = temporaryFolder();
  compileLibrary(join(folder, 'libcublasLt.so.13'), cublas);
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(dirname(import.meta.filename), 'askCudnn.js'), join(cudnnFolder, 'libcudnn.so.9')],
    { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: folder } },
  );
  // With koffi's own stack of 128 KiB the process ends by SIGSEGV (src/io/koffi.ts)
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
  const answers = JSON.parse(stdout) as Record<string, { engines: number; onTensorCores: number }>;
  const told = (name: string) => `${name}: ${answers[name]!.onTensorCores} of ${answers[name]!.engines} engines`;
  for (const name of Object.keys(answers).filter(key => key.startsWith('h200'))) {
    assert.ok(answers[name]!.engines > 0, told(name));
    assert.ok(answers[name]!.onTensorCores > 0, told(name));
  }
  assert.equal(answers['t4 bf16 forward']!.engines, 0, told('t4 bf16 forward'));
  assert.equal(Object.keys(answers).length, 3 + 1);
});
