/**
 * What this process waits for at the moment: a batch, the engine, a file. It stands in shared memory, where the
 * watchdog (`src/run/watchdog.ts`) reads it even while this thread is held up in a write that does not return.
 */

const longestText = 500;
/** [0]: how many things were waited for so far; [1]: bytes of the text; [2]: 1 = the watchdog may go. */
const control = new Int32Array(new SharedArrayBuffer(12));
const text = new Uint8Array(new SharedArrayBuffer(longestText));
const encoder = new TextEncoder();
const scratch = new Uint8Array(longestText); // TextEncoder does not write into shared memory

export type WaitingState = { readonly control: Int32Array; readonly text: Uint8Array };

/** The shared memory, for the watchdog's thread. */
export const waitingState: WaitingState = { control, text };

/** Says what comes next and may take long, such as `step 3 of epoch 2 on the engine`. Cheap enough for every step. */
export function waitsFor(what: string): void {
  const { written } = encoder.encodeInto(what, scratch);
  text.set(scratch.subarray(0, written));
  Atomics.store(control, 1, written);
  Atomics.add(control, 0, 1);
}

const defaultSeconds = 60;

/** Seconds after which something is told to take long: GALA_WATCHDOG_SECONDS, else 60; 0 = never. */
export function watchdogSeconds(environment: NodeJS.ProcessEnv = process.env): number {
  const given = Number(environment.GALA_WATCHDOG_SECONDS || defaultSeconds);
  return given >= 0 && given <= 1e6 ? given : defaultSeconds;
}

/** Seconds after which a batch that is not there is given up: ten times as many, 0 = never. */
export function patienceSeconds(environment?: NodeJS.ProcessEnv): number {
  return 10 * watchdogSeconds(environment);
}
