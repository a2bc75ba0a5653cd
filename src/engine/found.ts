/** The engines found on this machine, for `gala engine list` and `gala doctor`. */
import { findAddon } from './eager/locate.js';
import { bytesBelow } from './install/cache.js';
import { findTensorFlow, listTensorFlow, type TensorFlowLocation } from './install/locate.js';
import { findCudaPlugin, findPlugin, type PluginLocation } from './pjrt/locate.js';

export interface FoundEngine {
  readonly engine: 'tensorflow' | 'xla' | 'eager';
  readonly device: 'cpu' | 'cuda';
  readonly version: string;
  /** Where it was found: by a setting, in gala's cache, in a Python environment, … */
  readonly origin: string;
  readonly path: string;
  readonly bytes: number;
}

/** The TensorFlow that gala uses. Throws `EngineError` for a wrong GALA_TENSORFLOW. */
export function foundTensorFlow(environment = process.env): FoundEngine | undefined {
  const location = findTensorFlow(environment);
  return location && ofTensorFlow(location);
}

/** Every engine, the one that gala prefers first. Throws `EngineError` for a wrong GALA_TENSORFLOW. */
export function everyEngine(environment = process.env): FoundEngine[] {
  const plugin = findPlugin(environment);
  const xla =
    plugin?.origin === 'explicit' // GALA_PJRT_PLUGIN takes the place of both plugins
      ? [ofPlugin(plugin.cuda === undefined ? 'cpu' : 'cuda', plugin)]
      : [foundXlaCpu(environment), foundXlaCuda(Number.POSITIVE_INFINITY, environment)];
  const others = [...xla, foundEager(environment)];
  return [...listTensorFlow(environment).map(ofTensorFlow), ...others.filter(found => found !== undefined)];
}

/** The tfjs-node-gpu that engine `eager` runs on. */
export function foundEager(environment = process.env): FoundEngine | undefined {
  const addon = findAddon(environment);
  if (addon === undefined) return undefined;
  const { version, origin, packageFolder: path } = addon;
  return { engine: 'eager', device: 'cpu', version, origin, path, bytes: bytesBelow(path) };
}

/** XLA's plugin for the CPU. */
export function foundXlaCpu(environment = process.env): FoundEngine | undefined {
  return ofPlugin('cpu', findPlugin(environment));
}

/** XLA's plugin for a GPU whose driver runs CUDA up to version `driverCuda`. */
export function foundXlaCuda(driverCuda: number, environment = process.env): FoundEngine | undefined {
  return ofPlugin('cuda', findCudaPlugin(driverCuda, environment));
}

function ofTensorFlow({ version, origin, libraryFolder, bytes }: TensorFlowLocation): FoundEngine {
  return { engine: 'tensorflow', device: 'cpu', version, origin, path: libraryFolder, bytes };
}

function ofPlugin(device: 'cpu' | 'cuda', plugin: PluginLocation | undefined): FoundEngine | undefined {
  if (plugin === undefined) return undefined;
  const { version, origin, path, bytes } = plugin;
  return { engine: 'xla', device, version, origin, path, bytes };
}
