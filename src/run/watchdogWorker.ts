/** The watchdog's thread: looks every second whether the process still waits for the same thing. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { visibleLine } from '../io/visibleText.js';
import type { WaitingState } from '../io/waiting.js';

const { control, text, seconds, isTerminal } = workerData as WaitingState & { seconds: number; isTerminal: boolean };
const lookEvery = Math.min(1, seconds / 2);

let seen = -1;
let waited = 0;
let tellAt = seconds;
// Time is counted in looks: by a clock, a process that was stopped (SIGSTOP, a suspended machine) would have waited.
while (Atomics.wait(control, 2, 0, 1000 * lookEvery) === 'timed-out') {
  const now = Atomics.load(control, 0);
  if (now !== seen) {
    seen = now;
    waited = 0;
    tellAt = seconds;
    continue;
  }
  waited += lookEvery;
  if (now === 0 || waited < tellAt) continue;
  const what = visibleLine(Buffer.from(text.slice(0, Atomics.load(control, 1))).toString());
  // A progress bar ends at the cursor; the line begins below it.
  say(`${isTerminal ? '\n' : ''}Still waiting for ${what} (${Math.round(10 * waited) / 10} s).\n`);
  tellAt *= 2;
}

/** A line that cannot be written (a closed terminal, a full disk) is lost; the next one may be read again. */
function say(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // nobody can read it; the work goes on
  }
}
