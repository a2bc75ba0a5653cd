/** How many steps to give to the device in one call. */
import type { EngineInfo } from './program.js';

/** Bytes of one call's images, at most: two calls lie on the device and two more in host memory. */
const callBytes = 64 * 2 ** 20;

/**
 * Steps of one call out of `steps` of `stepBytes` bytes each. `auto`: on a CPU one, where a call costs nothing beside a step;
 * elsewhere all of them, or equal parts that fit.
 */
export function stepsPerCall(
  setting: number | 'auto',
  { device }: Pick<EngineInfo, 'device'>,
  steps: number,
  stepBytes: number,
): number {
  if (setting !== 'auto') return Math.min(setting, steps);
  if (device === 'cpu') return 1;
  const parts = Math.ceil(steps / Math.max(1, Math.floor(callBytes / stepBytes)));
  return Math.ceil(steps / parts);
}
