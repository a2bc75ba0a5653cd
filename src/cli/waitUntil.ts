/** Waits for another process until a signal comes: a batch system expects its exit code from a waiting task too. */
import { setTimeout as sleep } from 'node:timers/promises';
import { listenForStop, signalExitCode } from '../train/signals.js';
import { CommandExit } from './failure.js';

const pollMilliseconds = 2000;

/** Prints `waitingFor` and calls `isOver` every two seconds until it is true. Throws `CommandExit` after a signal. */
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
