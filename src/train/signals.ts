/**
 * Stopping by a signal. After SIGINT, SIGTERM, SIGUSR1 or SIGHUP the training loop finishes its step and saves; a
 * second SIGINT or SIGTERM ends the process at once. Batch systems send SIGUSR1 before they take the machine away
 * (`--signal=USR1@…` of SLURM); its exit code asks for the run to be started again. A terminal sends SIGHUP when it
 * is closed; a process that was started to outlive its terminal ignores it. SIGUSR1 and SIGHUP may come many times.
 */
import { constants } from 'node:os';
import { outlivesTerminal } from '../run/hangup.js';

export interface StopRequest {
  /** The signal that asked to stop; undefined as long as none has come. */
  readonly signal: NodeJS.Signals | undefined;
  /** Restores the default handling of the signals. */
  dispose(): void;
}

export const stopSignals = ['SIGINT', 'SIGTERM', ...(outlivesTerminal ? [] : (['SIGHUP'] as const))] as const;
const runSignals = [...stopSignals, 'SIGUSR1'] as const;

/** Listens until `dispose`; calls `onRequest` with the first signal. */
export function listenForStop(onRequest: (signal: NodeJS.Signals) => void): StopRequest {
  let requested: NodeJS.Signals | undefined;
  const handler = (signal: NodeJS.Signals) => {
    if (requested === undefined) {
      requested = signal;
      onRequest(signal);
    } else if (mayRepeat(signal)) {
      // Nothing new: a sender repeats such a signal when it cannot know whether the first one was received.
    } else if (mayRepeat(requested)) {
      // SIGINT or SIGTERM after SIGUSR1 or SIGHUP: still save, but end with the exit code of a final stop.
      requested = signal;
    } else {
      dispose();
      process.kill(process.pid, signal);
    }
  };
  const dispose = () => {
    for (const signal of runSignals) process.off(signal, handler);
  };
  for (const signal of runSignals) process.on(signal, handler);
  return {
    get signal() {
      return requested;
    },
    dispose,
  };
}

/** True for signals that always mean save and stop; the others end the process at once when they come again. */
export function mayRepeat(signal: NodeJS.Signals): boolean {
  return signal === 'SIGUSR1' || signal === 'SIGHUP';
}

/** Exit code of a process that a signal ended: 128 + the number of the signal. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
