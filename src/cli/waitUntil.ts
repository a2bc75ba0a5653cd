/** Waiting for another process, with an end by a signal: a batch system wants its exit code from a waiting task as well. */
import { setTimeout as sleep } from 'node:timers/promises';
import { listenForStop, signalExitCode } from '../train/signals.js';
import { CommandExit } from './exit.js';

const pollMilliseconds = 2000;

/** Looks every two seconds, first after two. Throws `CommandExit` after a signal, which `say` is told. */
export async function waitUntil(isOver: () => boolean | Promise<boolean>, say: (line: string) => void): Promise<void> {
  const stop = listenForStop(signal => say(`${signal}: no longer waiting.`));
  try {
    do {
      await sleep(pollMilliseconds);
      if (stop.signal) throw new CommandExit(signalExitCode(stop.signal));
    } while (!(await isOver()));
  } finally {
    stop.dispose();
  }
}
