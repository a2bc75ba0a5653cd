/** How many steps to give to the device in one call. */
import type { EngineInfo } from './program.js';

/** Bytes of one call's images, at most: two calls lie on the device and two more in host memory. */
const callBytes = 64 * 2 ** 20;

/** True where inputs lie in a memory of their own, to which taking them costs time. */
export function hasDeviceMemory({ engine, device }: Pick<EngineInfo, 'engine' | 'device'>): boolean {
  return engine === 'xla' && device !== 'cpu';
}

/**
 * Steps of one call out of `steps` of `stepBytes` bytes each. `auto`: one on a CPU, where a call costs nothing beside a
 * step, and on engines that do one a call anyway; elsewhere all of them, or equal parts that fit.
 */
export function stepsPerCall(
  setting: number | 'auto',
  info: Pick<EngineInfo, 'engine' | 'device'>,
  steps: number,
  stepBytes: number,
): number {
  if (steps === 0) return 1; // a stage that trains nothing
  if (setting !== 'auto') return Math.min(setting, steps);
  if (!hasDeviceMemory(info)) return 1;
  const parts = Math.ceil(steps / Math.max(1, Math.floor(callBytes / stepBytes)));
  return Math.ceil(steps / parts);
}
