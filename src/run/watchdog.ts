/** A thread that reports long waits: a disk, a worker or a device may hang without an error. */
import { Worker } from 'node:worker_threads';
import { waitingState, watchdogSeconds } from '../io/waiting.js';
import { requireMemory, threadNeed } from '../machine/memory.js';

export interface Watchdog {
  stop(): void;
}

/** Starts the thread, which writes to stderr itself because the main thread may stand still. */
export function startWatchdog(seconds = watchdogSeconds()): Watchdog {
  if (seconds === 0) return { stop() {} };
  requireMemory('the watchdog, a thread,', threadNeed);
  const worker = new Worker(new URL('./watchdogWorker.js', import.meta.url), {
    workerData: { ...waitingState, seconds, isTerminal: process.stderr.isTTY === true },
    execArgv: [],
  });
  worker.unref();
  worker.on('error', () => undefined); // the training matters more than its watchdog
  return {
    stop() {
      Atomics.store(waitingState.control, 2, 1);
      Atomics.notify(waitingState.control, 2);
    },
  };
}
