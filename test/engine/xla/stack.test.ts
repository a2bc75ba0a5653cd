/**
 * The stack on which native code runs: what XLA calls while it compiles for a GPU needs more of it than koffi gives by
 * itself.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../temporaryFolder.js';
import { compileLibrary, noCompiler } from '../sharedLibrary.js';
import { cudnnFolder } from './plugin.js';

const noCudnn = existsSync(join(cudnnFolder, 'libcudnn.so.9'))
  ? noCompiler
  : 'no cuDNN: GALA_TEST_CUDA=install npm test fetches it (366 MB)';

test('cuDNN finds engines for a convolution on an absent H200 within the stack of an asynchronous call', {
  skip: noCudnn,
}, () => {
  // cuDNN asks cuBLAS for its version and for nothing else here
  const folder = temporaryFolder();
  compileLibrary(join(folder, 'libcublasLt.so.13'), 'unsigned long cublasLtGetVersion(void) { return 130202; }');
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(dirname(import.meta.filename), 'askCudnn.js'), cudnnFolder],
    { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: folder } },
  );
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
  const engines = JSON.parse(stdout) as Record<string, number>;
  for (const [mode, count] of Object.entries(engines)) assert.ok(count > 0, `${count} in mode ${mode}`);
  assert.deepEqual(Object.keys(engines), ['A', 'B', 'fallback']);
});
