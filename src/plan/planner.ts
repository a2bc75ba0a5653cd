/** Opens what a plan is made with: the plugin that compiles, and cuDNN where it is installed beside it. */
import { basename } from 'node:path';
import { gpuClientOptions } from '../engine/index.js';
import { loadPlugin } from '../engine/pjrt/cApi.js';
import { requireCudaCompiler } from '../engine/pjrt/locate.js';
import { openCudnn } from './cudnn.js';
import { cudnnDevice, type TargetName, targets } from './gpus.js';
import type { Planner } from './plan.js';

/** Throws `EngineError` where nothing compiles for a GPU. */
export function openPlanner(target: TargetName, note: Planner['note']): Planner & { readonly plugin: string } {
  const location = requireCudaCompiler();
  const cudnn = location.libraries?.find(path => basename(path).startsWith('libcudnn.'));
  return {
    api: loadPlugin(location),
    cudnn: cudnn === undefined ? undefined : openCudnn(cudnn, cudnnDevice(targets[target])),
    target,
    memoryFraction: gpuClientOptions(0, process.env).memory_fraction.float,
    note,
    plugin: `${location.version} (${location.origin})`,
  };
}
