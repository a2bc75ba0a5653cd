/** How much memory this process may still take: `ulimit -v` counts addresses, control groups what is in use. */
import { readFileSync } from 'node:fs';
import { EngineError } from '../errors.js';
import { cgroupLimits } from './cgroup.js';

export interface MemoryLimit {
  /** What is limited, and by what. */
  readonly name: 'address space (ulimit -v)' | 'memory (control group)';
  readonly limitBytes: number;
  readonly freeBytes: number;
}

/** Bytes that something is going to take at least. */
export interface MemoryNeed {
  readonly addresses: number;
  readonly inUse: number;
}

/** What a worker thread of Node takes: V8 ends the process where it cannot have the addresses for one. */
export const threadNeed: MemoryNeed = { addresses: 500e6, inUse: 10e6 };

/** The limits of this process; none on most machines. */
export function memoryLimits(): MemoryLimit[] {
  const limits: MemoryLimit[] = [];
  const limit = /^Max address space\s+(\d+)/m.exec(textOf('/proc/self/limits'))?.[1];
  const used = /^VmSize:\s*(\d+) kB$/m.exec(textOf('/proc/self/status'))?.[1];
  if (limit !== undefined && used !== undefined)
    limits.push(limitOf('address space (ulimit -v)', Number(limit), 1024 * Number(used)));
  const { memory } = cgroupLimits();
  if (memory !== undefined) limits.push(limitOf('memory (control group)', memory.limitBytes, memory.usedBytes));
  return limits;
}

/** Throws `EngineError` where a limit leaves less than `what` (`The engine`, `4 worker threads`) needs. */
export function requireMemory(what: string, { addresses, inUse }: MemoryNeed, limits = memoryLimits()): void {
  for (const { name, limitBytes, freeBytes } of limits) {
    const needed = name.startsWith('address') ? addresses : inUse;
    if (freeBytes >= needed) continue;
    throw new EngineError(
      `Too little memory: ${what} needs at least ${gigabytes(needed)}, and ${gigabytes(freeBytes)} are free.`,
      { where: `limit on ${name}: ${gigabytes(limitBytes)}`, next: remedyOf(name) },
    );
  }
}

/** Whether a limit is so near that what failed without a reason failed for lack of memory. */
export function isMemoryShort(limits = memoryLimits()): boolean {
  return limits.some(({ limitBytes, freeBytes }) => freeBytes < Math.max(0.1 * limitBytes, 200e6));
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

/** `failed`, if it failed for lack of memory, as an error that says so; undefined for any other. */
export function memoryError(failed: string, cause: unknown, limits = memoryLimits()): EngineError | undefined {
  const { message, code } = cause as NodeJS.ErrnoException;
  // A loader that finds no room for a library says no more than that it could not map it.
  const isUnclear = /failed to map segment|could not create a primitive/i.test(message);
  if (!words.test(`${code} ${message}`) && !(isUnclear && isMemoryShort(limits))) return undefined;
  const [tightest] = [...limits].sort((a, b) => a.freeBytes - b.freeBytes);
  return new EngineError(`Too little memory: ${failed}: ${message.split('\n', 1)[0]}`, {
    where: tightest ? `limit on ${tightest.name}: ${gigabytes(tightest.limitBytes)}` : 'memory of this machine',
    next: tightest ? remedyOf(tightest.name) : lessMemory,
    cause,
  });
}

const lessMemory = 'Use a smaller train.batch_size and eval.batch_size and fewer data.workers, or end other programs.';

function remedyOf(name: MemoryLimit['name']): string {
  return name.startsWith('address')
    ? 'Raise the limit before gala starts: ulimit -v unlimited (or 8000000, for 8 GB); in a batch job ask ' +
        'for more memory.'
    : `Give the container or batch job more memory (docker --memory, sbatch --mem). ${lessMemory}`;
}

function limitOf(name: MemoryLimit['name'], limitBytes: number, usedBytes: number): MemoryLimit {
  return { name, limitBytes, freeBytes: Math.max(0, limitBytes - usedBytes) };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
