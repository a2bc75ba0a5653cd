/** What the signals ask for, sent to this very process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { listenForStop, signalExitCode } from '../../src/train/signals.js';

/** Sends the signals one after the other; Node hands each to its listener in a later turn of the loop. */
async function requestedBy(
  ...signals: NodeJS.Signals[]
): Promise<{ told: NodeJS.Signals[]; signal: string | undefined }> {
  const told: NodeJS.Signals[] = [];
  const stop = listenForStop(signal => told.push(signal));
  let seen = 0;
  const count = () => seen++;
  for (const signal of new Set(signals)) process.on(signal, count);
  try {
    for (const [i, signal] of signals.entries()) {
      process.kill(process.pid, signal);
      while (seen <= i) await setImmediate();
    }
    return { told, signal: stop.signal };
  } finally {
    for (const signal of new Set(signals)) process.off(signal, count);
    stop.dispose();
  }
}

test('SIGUSR1 asks once, however often it comes', async () => {
  assert.deepEqual(await requestedBy('SIGUSR1', 'SIGUSR1', 'SIGUSR1'), { told: ['SIGUSR1'], signal: 'SIGUSR1' });
});

test('SIGTERM after SIGUSR1 goes on saving, and the run is not to be started again', async () => {
  assert.deepEqual(await requestedBy('SIGUSR1', 'SIGTERM'), { told: ['SIGUSR1'], signal: 'SIGTERM' });
});

test('SIGUSR1 after SIGTERM changes nothing', async () => {
  assert.deepEqual(await requestedBy('SIGTERM', 'SIGUSR1'), { told: ['SIGTERM'], signal: 'SIGTERM' });
});

test('Exit codes are 128 plus the number of the signal', () => {
  assert.deepEqual((['SIGINT', 'SIGTERM', 'SIGUSR1'] as const).map(signalExitCode), [130, 143, 138]);
});
