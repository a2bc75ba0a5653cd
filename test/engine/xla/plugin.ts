/** The CPU plugin for tests, which are skipped visibly where it is not installed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../../src/engine/index.js';
import { cacheFolder, engineFolder } from '../../../src/engine/install/cache.js';
import { xlaCuda13 } from '../../../src/engine/install/cudaPins.js';
import type { WheelPin } from '../../../src/engine/install/pin.js';
import { findPlugin } from '../../../src/engine/pjrt/locate.js';
import type { CompileRequest, Executable, Precision } from '../../../src/engine/program.js';
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
 * Parts of CUDA, as scripts/test.sh installs them for GALA_TEST_CUDA=install: not in gala's cache, where a machine with
 * a GPU would use them.
 */
const cudaFolder = (pin: WheelPin) => engineFolder(join(cacheFolder(), 'test-tools', 'cuda'), pin);
export const cudaPluginPath = join(cudaFolder(xlaCuda13), xlaCuda13.members[0]!.path);
export const cudnnFolder = cudaFolder(xlaCuda13.companions!.find(({ name }) => name === 'nvidia-cudnn-cu13')!);
export const noCudaPlugin = existsSync('/dev/nvidiactl')
  ? 'there is a GPU here'
  : existsSync(cudaPluginPath)
    ? false
    : 'no CUDA plugin: GALA_TEST_CUDA=install npm test fetches it (124 MB)';
