/**
 * What this process waits for at the moment: a batch, the engine, a file. The text is in shared memory, so that the
 * watchdog (`src/run/watchdog.ts`) can read it while this thread hangs, for instance in a write that does not return.
 */

const longestText = 500;
/** [0]: number of waits so far; [1]: bytes of the text; [2]: 1 = the watchdog ends. */
const control = new Int32Array(new SharedArrayBuffer(12));
const text = new Uint8Array(new SharedArrayBuffer(longestText));
const encoder = new TextEncoder();
const scratch = new Uint8Array(longestText); // TextEncoder cannot write to shared memory

export type WaitingState = { readonly control: Int32Array; readonly text: Uint8Array };

/** The shared memory, for the watchdog's thread. */
export const waitingState: WaitingState = { control, text };

/** Notes what may take long from now on, such as `step 3 of epoch 2 on the engine`. Fast enough for every step. */
export function waitsFor(what: string): void {
  const { written } = encoder.encodeInto(what, scratch);
  text.set(scratch.subarray(0, written));
  Atomics.store(control, 1, written);
  Atomics.add(control, 0, 1);
}

const defaultSeconds = 60;

/** Seconds after which the watchdog reports a wait: GALA_WATCHDOG_SECONDS, otherwise 60; 0 = never. */
export function watchdogSeconds(environment: NodeJS.ProcessEnv = process.env): number {
  const given = Number(environment.GALA_WATCHDOG_SECONDS || defaultSeconds);
  return given >= 0 && given <= 1e6 ? given : defaultSeconds;
}

/** Seconds after which the pipeline gives up waiting for a batch: ten times `watchdogSeconds`; 0 = never. */
export function patienceSeconds(environment?: NodeJS.ProcessEnv): number {
  return 10 * watchdogSeconds(environment);
}
