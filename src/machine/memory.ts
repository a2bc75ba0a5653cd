/** How much memory this process may still take. `ulimit -v` limits addresses, control groups limit memory in use. */
import { freemem } from 'node:os';
import { EngineError } from '../errors.js';
import { cgroupLimits, textOf } from './cgroup.js';

/** Bytes that something takes at least: of addresses, and of memory in use. */
export interface MemoryNeed {
  readonly addresses: number;
  readonly inUse: number;
}

export interface MemoryLimit {
  readonly on: keyof MemoryNeed;
  readonly limitBytes: number;
  readonly freeBytes: number;
}

/** The need of a Node worker thread: V8 ends the process where it does not get the addresses. */
export const threadNeed: MemoryNeed = { addresses: 500e6, inUse: 10e6 };

const lessMemory = 'Use a smaller train.batch_size and eval.batch_size and fewer data.workers, or end other programs.';
const limits: Readonly<Record<keyof MemoryNeed, { readonly name: string; readonly remedy: string }>> = {
  addresses: {
    name: 'address space (ulimit -v)',
    remedy:
      'Raise the limit before gala starts: ulimit -v unlimited (or 8000000, for 8 GB); in a batch job ask ' +
      'for more memory.',
  },
  inUse: {
    name: 'memory (control group)',
    remedy: `Give the container or batch job more memory (docker --memory, sbatch --mem). ${lessMemory}`,
  },
};

/** The limits of this process; an empty list on most machines. */
export function memoryLimits(): MemoryLimit[] {
  const found: MemoryLimit[] = [];
  const limit = /^Max address space\s+(\d+)/m.exec(textOf('/proc/self/limits'))?.[1];
  const used = /^VmSize:\s*(\d+) kB$/m.exec(textOf('/proc/self/status'))?.[1];
  if (limit !== undefined && used !== undefined)
    found.push({
      on: 'addresses',
      limitBytes: Number(limit),
      freeBytes: Math.max(0, Number(limit) - 1024 * Number(used)),
    });
  const { memory } = cgroupLimits();
  if (memory !== undefined) {
    const { limitBytes, usedBytes } = memory;
    found.push({ on: 'inUse', limitBytes, freeBytes: Math.max(0, limitBytes - usedBytes) });
  }
  return found;
}

/**
 * Bytes that this process can still take within the limits. Memory that caches of files use counts as available: the
 * system frees it when it is needed.
 */
export function availableMemory(): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB$/m.exec(textOf('/proc/meminfo'))?.[1];
  const machine = kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  return Math.min(machine, ...memoryLimits().map(({ freeBytes }) => freeBytes));
}

/** Throws `EngineError` where a limit leaves less than `what` (such as `the engine`) needs. */
export function requireMemory(what: string, need: MemoryNeed, found = memoryLimits()): void {
  for (const { on, limitBytes, freeBytes } of found) {
    if (freeBytes >= need[on]) continue;
    throw new EngineError(
      `Too little memory: ${what} needs at least ${gigabytes(need[on])}, and ${gigabytes(freeBytes)} are free.`,
      { where: `limit on ${limits[on].name}: ${gigabytes(limitBytes)}`, next: limits[on].remedy },
    );
  }
}

/** Whether a limit is so near that a failure without a reason was one of memory. */
export function isMemoryShort(found = memoryLimits()): boolean {
  return found.some(({ limitBytes, freeBytes }) => freeBytes < Math.max(0.1 * limitBytes, 200e6));
}

const words = new RegExp(
  [
    'cannot allocate memory',
    'could not allocate memory',
    'array buffer allocation failed',
    'out of memory',
    'bad_alloc',
    '\\bOOM\\b',
    'ENOMEM',
    'ERR_WORKER_OUT_OF_MEMORY',
    'ERR_WORKER_INIT_FAILED',
  ].join('|'),
  'i',
);

/** An error that says that `what` failed for lack of memory; undefined where `cause` has another reason. */
export function memoryError(what: string, cause: unknown, found = memoryLimits()): EngineError | undefined {
  const { message, code } = cause as NodeJS.ErrnoException;
  // A loader without memory for a library says only that it could not map the library.
  const isUnclear = /failed to map segment|could not create a primitive/i.test(message);
  if (!words.test(`${code} ${message}`) && !(isUnclear && isMemoryShort(found))) return undefined;
  const [tightest] = [...found].sort((a, b) => a.freeBytes - b.freeBytes);
  return new EngineError(`Too little memory: ${what}: ${message.split('\n', 1)[0]}`, {
    where: tightest
      ? `limit on ${limits[tightest.on].name}: ${gigabytes(tightest.limitBytes)}`
      : 'memory of this machine',
    next: tightest ? limits[tightest.on].remedy : lessMemory,
    cause,
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
