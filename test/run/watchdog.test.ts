/** The watchdog speaks up while the main thread itself is held up, and only then. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { patienceSeconds, watchdogSeconds } from '../../src/io/waiting.js';

const child = join(import.meta.dirname, 'child.js');
const run = (task: string, seconds: string) =>
  spawnSync(process.execPath, [child, task, ''], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, GALA_WATCHDOG_SECONDS: seconds, NODE_TEST_CONTEXT: undefined },
  });

test('A main thread that is held up is told of, with what it waits for, and again after twice as long', () => {
  const { status, stderr } = run('heldUp', '0.2');
  assert.equal(status, 0);
  assert.match(
    stderr,
    /^Still waiting for \/disk\/last\.safetensors to be written \(0\.2 s\)\.\nStill waiting for \/disk\/last/,
  );
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
