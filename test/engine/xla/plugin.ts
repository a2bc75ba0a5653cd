/** The CPU plugin for tests, which are skipped visibly where it is not installed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../../src/engine/index.js';
import { engineFolder } from '../../../src/engine/install/cache.js';
import { xlaCuda13 } from '../../../src/engine/install/cudaPins.js';
import { findPlugin, type PluginLocation, requireCudaCompiler } from '../../../src/engine/pjrt/locate.js';
import type { CompileRequest, Executable, Precision } from '../../../src/engine/program.js';
import { cacheFolder } from '../../../src/io/homePath.js';
import { threads } from '../compute.js';

/** Reason to skip, or false. */
export const noPlugin = findPlugin() === undefined ? 'no PJRT plugin: gala engine install --xla-cpu' : false;

export function compileForXla(
  request: CompileRequest,
  precision: Precision = 'fp32',
  devices = 1,
): Promise<Executable> {
  return compile(request, { engine: 'xla', precision, threads, devices });
}

/**
 * What compiles for GPUs without one (scripts/test.sh installs it for GALA_TEST_CUDA=install); undefined where it is
 * not here.
 */
export const gpuCompiler = ((): PluginLocation | undefined => {
  try {
    return requireCudaCompiler();
  } catch {
    return undefined;
  }
})();
/** Reason to skip, or false. */
export const noGpuCompiler =
  gpuCompiler === undefined ? 'no compiler for GPUs: gala engine install --cuda 13 --plan (230 MB)' : false;
export const noCudaPlugin = existsSync('/dev/nvidiactl') ? 'there is a GPU here' : noGpuCompiler;

/** cuDNN alone, which scripts/test.sh installs for GALA_TEST_CUDA=install. */
const cudnnPin = xlaCuda13.companions!.find(({ name }) => name === 'nvidia-cudnn-cu13')!;
export const cudnnFolder = engineFolder(join(cacheFolder(), 'test-tools', 'cuda'), cudnnPin);
