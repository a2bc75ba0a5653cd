/** How many cores this process may keep busy. */
import { availableParallelism } from 'node:os';
import { cgroupLimits } from './cgroup.js';

let counted: number | undefined;

/**
 * Cores by CPU affinity, and no more than the quota of the process's control groups, rounded up: more threads than that
 * would only be stopped for a part of each period. At least 1; counted once a process.
 */
export function usableCores(): number {
  counted ??= coresWithin(availableParallelism(), cgroupLimits().cpus);
  return counted;
}

/** `cores`, or the quota rounded up where that is less. */
export function coresWithin(cores: number, quota: number | undefined): number {
  return Math.max(1, Math.min(cores, Math.ceil(quota ?? cores)));
}
