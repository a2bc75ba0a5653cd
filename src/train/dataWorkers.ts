/** How many threads prepare the batches. */
import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.js';
import type { EngineInfo } from '../engine/program.js';
import { hasDeviceMemory } from '../engine/steps.js';

const mostOnGpu = 16;

/** `auto`: one where the engine needs the cores itself; for a GPU all but that of the main thread, at most 16. */
export function dataWorkers(
  setting: Config['data']['workers'],
  info: Pick<EngineInfo, 'engine' | 'device'>,
  cores = availableParallelism(),
): number {
  if (setting !== 'auto') return setting;
  return hasDeviceMemory(info) ? Math.max(1, Math.min(cores - 1, mostOnGpu)) : 1;
}
