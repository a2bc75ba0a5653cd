/** What is written for TensorBoard, read back without it. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { appendEvents, startSession } from '../../src/run/eventFile.js';
import type { EpochMetrics } from '../../src/run/metricsLog.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { eventFiles, readEvents } from './eventReader.js';

const folder = temporaryFolder();
const startedAt = '2026-01-02T03:04:05.000Z';
const started = Date.parse(startedAt) / 1000;
const epoch = (number: number, more: Partial<EpochMetrics> = {}): EpochMetrics => ({
  epoch: number,
  loss: 4 / number,
  learning_rate: 0.1,
  training_seconds: 10 * number,
  unix_seconds: started + 15 * number + 0.25,
  ...more,
});

function fresh(name: string): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  return directory;
}

describe('the event file', () => {
  test('has a step an epoch, at the time of the epoch, a tag a metric, in sections by split', () => {
    const path = startSession(fresh('a'), [], startedAt);
    appendEvents(path, epoch(1));
    appendEvents(path, epoch(2, { test_top1: 12.5, test_few_rebalanced: 0, val_top1: 50 }));
    appendEvents(path, epoch(300));
    const { version, starts, scalars } = readEvents(path);
    assert.equal(version, 'brain.Event:2');
    assert.deepEqual(starts, [1]);
    assert.deepEqual([...scalars.keys()].sort(), [
      'test/few_rebalanced',
      'test/top1',
      'train/learning_rate',
      'train/loss',
      'train/training_seconds',
      'val/top1',
    ]);
    assert.deepEqual(scalars.get('test/top1'), [{ step: 2, seconds: started + 30.25, value: 12.5 }]);
    assert.deepEqual(scalars.get('test/few_rebalanced')![0]!.value, 0);
    assert.deepEqual(
      scalars.get('train/loss')!.map(({ step, seconds, value }) => [step, seconds - started, value]),
      [
        [1, 15.25, 4],
        [2, 30.25, 2],
        [300, 4500.25, Math.fround(4 / 300)],
      ],
    );
  });

  test('goes on in the next process: what is trained again is there once, what a crash cut off is gone', () => {
    const directory = fresh('b');
    const path = startSession(directory, [], startedAt);
    for (const number of [1, 2, 3]) appendEvents(path, epoch(number));
    const whole = readFileSync(path);
    writeFileSync(join(directory, 'events.out.tfevents.12.other'), ''); // of another program
    for (const cut of [0, 1, 11, 12, 13, 41]) {
      writeFileSync(path, whole);
      appendFileSync(path, whole.subarray(0, cut)); // the first record has 42
      assert.equal(startSession(directory, [epoch(1), epoch(2)], startedAt), path);
      appendEvents(path, epoch(3, { loss: 7 }));
      const { starts, scalars } = readEvents(path);
      assert.deepEqual(starts, [1, 3], `${cut} bytes too many`);
      assert.deepEqual(
        scalars.get('train/loss')!.map(({ step, value }) => [step, value]),
        [
          [1, 4],
          [2, 2],
          [3, 7],
        ],
      );
    }
    assert.equal(eventFiles(directory).length, 2);
  });

  test(
    'leaves out what is not a number, and places epochs without a time by the start and their training ' + 'seconds',
    () => {
      const path = startSession(fresh('c'), [epoch(1, { unix_seconds: undefined, loss: null, note: 'x' })], startedAt);
      const { scalars } = readEvents(path);
      assert.deepEqual([...scalars.keys()], ['train/learning_rate', 'train/training_seconds']);
      assert.equal(scalars.get('train/learning_rate')![0]!.seconds, started + 10);
    },
  );

  test('of a folder that is gone is a StorageError that names it', () => {
    const path = join(folder, 'gone', 'events.out.tfevents.1.gala');
    assert.throws(() => appendEvents(path, epoch(1)), { name: 'StorageError', where: path });
  });
});
