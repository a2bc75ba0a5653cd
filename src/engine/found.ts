/** Every engine found on this machine, for `gala engine list` and `gala doctor`. */

import { findAddon } from './eager/locate.js';
import { fileSizes } from './install/cache.js';
import { findTensorFlow, listTensorFlow } from './install/locate.js';
import { findCudaPlugin, findPlugin, type PluginLocation } from './pjrt/locate.js';

export interface FoundEngine {
  readonly engine: 'tensorflow' | 'xla' | 'eager';
  readonly device: 'cpu' | 'cuda';
  readonly version: string;
  /** How it was found: an explicit setting, gala's cache, a Python environment, … */
  readonly origin: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * The TensorFlow that is used, or every one in the order of preference. Throws `EngineError` for a wrong
 * GALA_TENSORFLOW.
 */
export function foundTensorFlow(which: 'first' | 'all' = 'first', cache?: string): FoundEngine[] {
  const options = cache === undefined ? {} : { cache };
  const locations = which === 'all' ? listTensorFlow(undefined, options) : [findTensorFlow(undefined, options)];
  return locations
    .filter(location => location !== undefined)
    .map(({ version, origin, libraryFolder: path, bytes }) => ({
      ...{ engine: 'tensorflow' as const, device: 'cpu' as const },
      ...{ version, origin, path, bytes },
    }));
}

/** tfjs-node-gpu that can run, as a list of one or none. */
export function foundEager(environment: NodeJS.ProcessEnv = process.env): FoundEngine[] {
  const addon = findAddon(environment);
  if (addon === undefined) return [];
  const { version, origin, packageFolder: path } = addon;
  const bytes = [...fileSizes(path)].reduce((sum, size) => sum + size, 0);
  return [{ engine: 'eager', device: 'cpu', version, origin, path, bytes }];
}

/** XLA's plugin for the CPU, as a list of one or none. */
export function foundXlaCpu(environment: NodeJS.ProcessEnv = process.env): FoundEngine[] {
  return ofPlugin('cpu', findPlugin(environment));
}

/** XLA's plugin for a GPU whose driver runs CUDA up to `driverCuda` (left out: any), as a list of one or none. */
export function foundXlaCuda(
  driverCuda = Number.POSITIVE_INFINITY,
  environment: NodeJS.ProcessEnv = process.env,
): FoundEngine[] {
  return ofPlugin('cuda', findCudaPlugin(driverCuda, environment));
}

function ofPlugin(device: 'cpu' | 'cuda', plugin: PluginLocation | undefined): FoundEngine[] {
  if (plugin === undefined) return [];
  const { version, origin, path, bytes } = plugin;
  return [{ engine: 'xla', device, version, origin, path, bytes }];
}
