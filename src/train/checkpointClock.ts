/** When the `last` checkpoint is written in the course of a training. */
import type { EngineInfo } from '../engine/program.js';
import { hasDeviceMemory } from '../engine/steps.js';

/**
 * On a GPU a small network's epoch takes as long as writing it safely to disk. What a kill costs there is bounded in
 * seconds; that the run repeats those epochs and ends with the same numbers holds for any choice.
 */
const deviceMilliseconds = 10_000;

/**
 * True for the epochs (from 1 on) that end with a write, asked once after each: every `setting`-th; `auto`: every one,
 * on a GPU those that end 10 s or more after the last such epoch, or after the start.
 */
export function checkpointClock(
  setting: number | 'auto',
  info: Pick<EngineInfo, 'engine' | 'device'>,
  now = () => performance.now(),
): (epoch: number) => boolean {
  if (setting !== 'auto') return epoch => epoch % setting === 0;
  if (!hasDeviceMemory(info)) return () => true;
  let last = now();
  return () => {
    if (now() - last < deviceMilliseconds) return false;
    last = now();
    return true;
  };
}
