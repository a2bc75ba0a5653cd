/**
 * Stopping on purpose: SIGINT, SIGTERM or SIGUSR1 asks the loop to finish its step and save; a second SIGINT or SIGTERM kills at
 * once. SIGUSR1 is what batch systems send before they take the machine away (`--signal=USR1@…` of SLURM): the same, but its
 * exit code says that the run wants to be started again. It may come many times.
 */
import { constants } from 'node:os';

export interface StopRequest {
  /** The signal that asked to stop, once one has come. */
  readonly signal: NodeJS.Signals | undefined;
  /** Gives the signals back to their default. */
  dispose(): void;
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGUSR1'] as const;

/** Listens until `dispose`; `onRequest` is told of the first signal. */
export function listenForStop(onRequest: (signal: NodeJS.Signals) => void): StopRequest {
  let requested: NodeJS.Signals | undefined;
  const handler = (signal: NodeJS.Signals) => {
    if (requested === undefined) {
      requested = signal;
      onRequest(signal);
    } else if (signal === 'SIGUSR1') {
      // Said already; sent again by those who cannot know whether the first one found a listener.
    } else if (requested === 'SIGUSR1') {
      // Preempted, then told to end for good: it saves all the same, but must not be started again.
      requested = signal;
    } else {
      dispose();
      process.kill(process.pid, signal);
    }
  };
  const dispose = () => {
    for (const signal of stopSignals) process.off(signal, handler);
  };
  for (const signal of stopSignals) process.on(signal, handler);
  return {
    get signal() {
      return requested;
    },
    dispose,
  };
}

/** Exit code of a process that ended for a signal: 128 + its number. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
