/**
 * Waiting for another process, with an end by a signal: a batch system wants its exit code from a waiting task as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listenForStop, signalExitCode } from '../train/signals.js';
import { CommandExit } from './failure.js';

const pollMilliseconds = 2000;

/**
 * Says for what it waits, once a signal would be heard, and looks every two seconds, first after two. Throws
 * `CommandExit` after a signal.
 */
export async function waitUntil(
  isOver: () => boolean | Promise<boolean>,
  say: (line: string) => void,
  waitingFor: readonly string[],
): Promise<void> {
  const stop = listenForStop(signal => say(`${signal}: no longer waiting.`));
  try {
    for (const line of waitingFor) say(line);
    do {
      await sleep(pollMilliseconds);
      if (stop.signal) throw new CommandExit(signalExitCode(stop.signal));
    } while (!(await isOver()));
  } finally {
    stop.dispose();
  }
}
