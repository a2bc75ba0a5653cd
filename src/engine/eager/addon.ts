/**
 * Loads tfjs-node-gpu into this process, with the copy of TF.js that gala's models use: another copy would have its own
 * tensors, kernels and gradients.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import tf from '../../tfjs.cjs';
import { prepareEnvironment } from '../environment.js';
import '../trainingKernels.js';
import { requireTensorFlow } from '../install/locate.js';
import { loadTensorFlow } from '../tensorflow/cApi.js';
import { backendName, onBackend } from './backend.js';
import { registerKernels } from './kernels.js';
import type { AddonLocation } from './locate.js';

export interface Addon {
  /** For instance `tfjs-node-gpu 4.22.0 on TensorFlow 2.21.0`. */
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  /** Threads inside one operation. TensorFlow makes its thread pool once per process, so the first call decides. */
  readonly threads: number;
}

const require = createRequire(import.meta.url);
let loaded: Addon | undefined;

/** Loads the TensorFlow that the addon needs and then the addon, once per process. Throws `EngineError`. */
export function loadAddon(location: AddonLocation, threads: number): Addon {
  loaded ??= load(location, threads);
  return loaded;
}

function load(location: AddonLocation, threads: number): Addon {
  prepareEnvironment();
  // The addon is linked to no library: it uses the TensorFlow that the process has loaded.
  const tensorflow = location.ownTensorFlow ? undefined : loadTensorFlow(requireTensorFlow());
  process.env.TF_NUM_INTRAOP_THREADS = String(threads); // TensorFlow reads it when it makes its thread pool
  shareTfjs();
  restoreUtil();
  const previous = tf.engine().backendName;
  try {
    const tfjsNode = createRequire(join(location.packageFolder, 'package.json'))(location.packageFolder) as typeof tf;
    if (tfjsNode.Tensor !== tf.Tensor) throw new Error('it brought a second copy of @tensorflow/tfjs');
  } catch (cause) {
    throw new EngineError(`tfjs-node-gpu ${location.version} could not be loaded: ${(cause as Error).message}`, {
      where: location.packageFolder,
      next: 'gala engine install --eager --force',
      cause,
    });
  } finally {
    if (previous && previous !== backendName) void tf.setBackend(previous);
  }
  registerKernels();
  return {
    version: `tfjs-node-gpu ${location.version} on TensorFlow ${tensorflow?.version() ?? '2.9.1'}`,
    device: onBackend(backend => (backend.isUsingGpuDevice ? 'gpu' : 'cpu')),
    threads,
  };
}

/** The package `@tensorflow/tfjs` of the installed addon returns this object (install/addon.ts). */
function shareTfjs(): void {
  Object.assign(globalThis, { [Symbol.for('gala.tfjs')]: require('@tensorflow/tfjs') });
}

/** tfjs-node-gpu calls two functions of `util` that are deprecated in Node 22 and missing in Node 23. */
function restoreUtil(): void {
  const isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  Object.assign(require('node:util') as object, { isNullOrUndefined, isArray: Array.isArray });
}
