/** The watchdog speaks up while the main thread itself is held up, and only then. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { patienceSeconds, watchdogSeconds } from '../../src/io/waiting.js';

const child = join(import.meta.dirname, 'child.js');
const environment = (seconds: string) => ({
  ...process.env,
  GALA_WATCHDOG_SECONDS: seconds,
  NODE_TEST_CONTEXT: undefined,
});
const run = (task: string, seconds: string) =>
  spawnSync(process.execPath, [child, task, '', '1500'], {
    encoding: 'utf8',
    timeout: 60_000,
    env: environment(seconds),
  });

test('A main thread that stands still is reported with what it waits for, and again after twice as long', async () => {
  // Until it is killed: on a busy machine the thread of the watchdog may start late.
  const held = spawn(process.execPath, [child, 'heldUp', '', '60000'], { env: environment('0.2') });
  const lines: string[] = [];
  for await (const line of createInterface(held.stderr)) if (lines.push(line) === 2) break;
  held.kill('SIGKILL');
  assert.deepEqual(lines, [
    'Still waiting for /disk/last.safetensors to be written (0.2 s).',
    'Still waiting for /disk/last.safetensors to be written (0.4 s).',
  ]);
});

test('Nothing is said while the things waited for change, after the end, or when it is turned off', () => {
  const { status, stderr } = run('goesOn', '1');
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(run('heldUp', '0').stderr, '');
});

test('GALA_WATCHDOG_SECONDS sets how long; what is no number of seconds counts as not set', () => {
  assert.equal(watchdogSeconds({}), 60);
  assert.equal(watchdogSeconds({ GALA_WATCHDOG_SECONDS: '5' }), 5);
  assert.equal(watchdogSeconds({ GALA_WATCHDOG_SECONDS: '0' }), 0);
  for (const odd of ['', 'soon', '-1', 'Infinity']) assert.equal(watchdogSeconds({ GALA_WATCHDOG_SECONDS: odd }), 60);
  assert.equal(patienceSeconds({ GALA_WATCHDOG_SECONDS: '5' }), 50);
});
