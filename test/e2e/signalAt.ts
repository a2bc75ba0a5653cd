/**
 * Loaded into gala before it starts (`node --import`): the process sends itself GALA_SIGNAL once it has printed
 * GALA_SIGNAL_AT, so the moment depends neither on the machine's speed nor on when a test gets its turn.
 */
import { isMainThread } from 'node:worker_threads';

const { GALA_SIGNAL: signal, GALA_SIGNAL_AT: awaited } = process.env;
if (isMainThread && signal !== undefined && awaited !== undefined) {
  let isSent = false;
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write;
    stream.write = function (this: typeof stream, ...given: unknown[]) {
      const result = Reflect.apply(write, this, given);
      if (!isSent && String(given[0]).includes(awaited)) {
        isSent = true;
        process.kill(process.pid, signal);
      }
      return result;
    } as typeof write;
  }
}
