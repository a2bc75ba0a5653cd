/**
 * Stopping on purpose: SIGINT, SIGTERM, SIGUSR1 or SIGHUP asks the loop to finish its step and save; a second SIGINT or
 * SIGTERM kills at once. SIGUSR1 is what batch systems send before they take the machine away (`--signal=USR1@…` of
 * SLURM): the same, but its exit code says that the run wants to be started again. SIGHUP comes from a terminal that is
 * closed, unless the process was started to outlive it. These two may come many times.
 */
import { constants } from 'node:os';
import { outlivesTerminal } from '../run/hangup.js';

export interface StopRequest {
  /** The signal that asked to stop, once one has come. */
  readonly signal: NodeJS.Signals | undefined;
  /** Gives the signals back to their default. */
  dispose(): void;
}

export const stopSignals = ['SIGINT', 'SIGTERM', ...(outlivesTerminal ? [] : (['SIGHUP'] as const))] as const;
const runSignals = [...stopSignals, 'SIGUSR1'] as const;

/** Listens until `dispose`; `onRequest` is told of the first signal. */
export function listenForStop(onRequest: (signal: NodeJS.Signals) => void): StopRequest {
  let requested: NodeJS.Signals | undefined;
  const handler = (signal: NodeJS.Signals) => {
    if (requested === undefined) {
      requested = signal;
      onRequest(signal);
    } else if (mayRepeat(signal)) {
      // Said already; sent again by those who cannot know whether the first one found a listener.
    } else if (mayRepeat(requested)) {
      // Preempted or hung up, then told to end for good: it saves all the same, but must not be started again.
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

/** Whether a signal asks to save however often it comes; others stop at once the second time. */
export function mayRepeat(signal: NodeJS.Signals): boolean {
  return signal === 'SIGUSR1' || signal === 'SIGHUP';
}

/** Exit code of a process that ended for a signal: 128 + its number. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
