/** Stopping on purpose: the first SIGINT or SIGTERM asks the loop to finish its step and save, the second kills at once. */

export interface StopRequest {
  /** The signal that asked to stop, once one has come. */
  readonly signal: NodeJS.Signals | undefined;
  /** Gives the signals back to their default. */
  dispose(): void;
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/** Listens until `dispose`; `onRequest` is told of the first signal. */
export function listenForStop(onRequest: (signal: NodeJS.Signals) => void): StopRequest {
  let requested: NodeJS.Signals | undefined;
  const handler = (signal: NodeJS.Signals) => {
    if (requested !== undefined) {
      dispose();
      process.kill(process.pid, signal);
      return;
    }
    requested = signal;
    onRequest(signal);
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
  return signal === 'SIGINT' ? 130 : 143;
}
