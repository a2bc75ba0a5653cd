/** The CPU plugin for tests, which are skipped visibly where it is not installed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../../src/engine/index.js';
import { cacheFolder } from '../../../src/engine/install/cache.js';
import { xlaCuda13 } from '../../../src/engine/install/cudaPins.js';
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

/** The CUDA plugin alone, as scripts/test.sh installs it for GALA_TEST_CUDA=install: not in gala's cache, where a machine with a GPU would use it. */
export const cudaPluginPath = join(
  cacheFolder(),
  'test-tools',
  'cuda',
  'engines',
  `${xlaCuda13.name}-${xlaCuda13.version}`,
  xlaCuda13.members[0]!.path,
);
export const noCudaPlugin = existsSync('/dev/nvidiactl')
  ? 'there is a GPU here'
  : existsSync(cudaPluginPath)
    ? false
    : 'no CUDA plugin: GALA_TEST_CUDA=install npm test fetches it (124 MB)';
