/**
 * Properties over arbitrary inputs. The short form takes few inputs from a fixed seed; GALA_FUZZ_RUNS=10000 (and
 * GALA_FUZZ_SEED) is the long one, whose figures are in docs/benchmarks.md.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { GalaError } from '../../src/errors.js';

export const numRuns = Number(process.env.GALA_FUZZ_RUNS ?? 200);
export const seed = Number(process.env.GALA_FUZZ_SEED ?? 20_261_125);

/** Bytes of memory that an input may take whatever its size (parsers, caches, garbage), and per byte of the input. */
const fixedMemory = 64 * 2 ** 20;
const memoryPerByte = 20;
/** Far above what any input takes, on any machine. */
const hungSeconds = 60;

export interface Fuzzed<T> {
  /** Reads the input; throwing a `GalaError` with its place and remedy is fine, unless `refuses` is false. */
  readonly read: (input: T) => void | Promise<void>;
  readonly refuses?: boolean;
  /** Size of the input in bytes. */
  readonly bytes: (input: T) => number;
  /** Runs on a fraction of the inputs, where one takes long. */
  readonly share?: number;
}

/**
 * Asserts that every input is read or refused with a typed error, in memory in proportion to its size, and reports the
 * number of inputs, how many were refused, the longest time of the processor (the clock would count other work too) and
 * the most memory. An input that hangs ends the process with its number.
 */
export async function fuzz<T>(
  t: TestContext,
  inputs: fc.Arbitrary<T>,
  { read, refuses = true, bytes, share = 1 }: Fuzzed<T>,
): Promise<void> {
  const guard = guardAgainstHanging(t.name);
  const seen = { inputs: 0, refused: 0, milliseconds: 0, memory: 0 };
  const property = fc.asyncProperty(inputs, async input => {
    guard.beat();
    const size = bytes(input);
    const before = memory();
    const started = process.cpuUsage();
    try {
      await read(input);
    } catch (error) {
      if (!refuses || !(error instanceof GalaError)) throw error;
      assert.ok(error.where && error.next, `without place or remedy: ${error.message}`);
      assertForeseen(error);
      seen.refused++;
    }
    const { user, system } = process.cpuUsage(started);
    seen.milliseconds = Math.max(seen.milliseconds, (user + system) / 1000);
    const taken = memory() - before;
    seen.memory = Math.max(seen.memory, taken);
    seen.inputs++;
    assert.ok(taken < fixedMemory + memoryPerByte * size, `${taken} bytes of memory for an input of ${size}`);
  });
  try {
    await fc.assert(property, { numRuns: Math.ceil(share * numRuns), seed });
  } finally {
    guard.end();
  }
  t.diagnostic(
    `${seen.inputs} inputs, ${seen.refused} refused; longest ${seen.milliseconds.toFixed(0)} ms of CPU, ` +
      `most memory ${(seen.memory / 2 ** 20).toFixed(1)} MiB`,
  );
}

/** A reader that wraps whatever it catches would hide its own faults, such as a property of undefined. */
function assertForeseen(error: Error): void {
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    for (const fault of [TypeError, RangeError, ReferenceError])
      if (cause instanceof fault && !isLimitOfUnpacking(cause)) throw cause;
}

const isLimitOfUnpacking = (error: NodeJS.ErrnoException) => error.code === 'ERR_BUFFER_TOO_LARGE';

/** Heap and buffers in use. Garbage counts, so it is at least the peak of what was taken since the last collection. */
function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * A thread that ends the process when one input takes for ever: an endless loop leaves no turn to a timer of this
 * thread.
 */
function guardAgainstHanging(name: string): { beat(): void; end(): void } {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { workerData: { beats, name, seconds } } = require('node:worker_threads');
    for (let seen = 0; Atomics.wait(beats, 0, seen, 1000 * seconds) !== 'timed-out'; ) seen = Atomics.load(beats, 0);
    require('node:fs').writeSync(2, 'Input ' + beats[0] + ' of "' + name + '" hangs.\\n');
    process.kill(process.pid, 'SIGKILL');`;
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: { beats, name, seconds: hungSeconds } });
  worker.unref();
  return {
    beat() {
      Atomics.add(beats, 0, 1);
      Atomics.notify(beats, 0);
    },
    end: () => void worker.terminate(),
  };
}
