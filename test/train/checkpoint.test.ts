/** Which checkpoint a run goes on from when the last one is not whole, or not covered by the logs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/io/safetensors.js';
import type { HostTensors } from '../../src/tensor.js';
import { checkpointPath, readCheckpoint, readLastCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();
const stateOf = (value: number): HostTensors => ({
  weight: { dtype: 'float32', shape: [2], data: Float32Array.of(value, -value) },
});
const progressOf = (epoch: number) => ({ epoch, step: 0, loss_sum: 0, training_seconds: 1 });
const [last, previous] = ['last', 'last.previous'].map(name => checkpointPath(folder, name)) as [string, string];
const writeBest = (epoch: number) =>
  writeCheckpoint(folder, 'best', stateOf(epoch), { ...progressOf(epoch + 1), best: { epoch, top1: 0.5 } });

beforeEach(() => {
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  for (const epoch of [2, 3])
    writeCheckpoint(folder, 'last', stateOf(epoch), progressOf(epoch), { keepPrevious: true });
});

describe('the checkpoint to go on from', () => {
  test('is the last one, without a word', () => {
    const read = readLastCheckpoint(folder)!;
    assert.equal(read.notice, undefined);
    assert.equal(read.checkpoint.path, last);
    assert.deepEqual(read.checkpoint.state, stateOf(3));
    assert.deepEqual(read.checkpoint.progress, progressOf(3));
    assert.equal(readCheckpoint(previous).progress.epoch, 2);
  });

  test(
    'is the one before when the last is missing, cut off, another kind of file or of another kind of ' + 'content',
    () => {
      const bytes = readFileSync(last);
      const damages: [string, RegExp | undefined, () => void][] = [
        ['missing', undefined, () => rmSync(last)],
        ['cut off', /has only|has 700 bytes|ends at byte/, () => truncateSync(last, bytes.length - 1)],
        ['empty', /0 bytes/, () => writeFileSync(last, '')],
        ['no checkpoint', /no checkpoint of gala/, () => writeSafetensors(last, stateOf(3))],
        [
          'an impossible position',
          /no checkpoint of gala/,
          () => writeSafetensors(last, {}, { progress: '{"epoch":0}' }),
        ],
      ];
      for (const [what, message, damage] of damages) {
        writeFileSync(last, bytes);
        damage();
        const { checkpoint, notice } = readLastCheckpoint(folder)!;
        assert.equal(checkpoint.path, previous, what);
        if (message === undefined) assert.equal(notice, undefined);
        else {
          assert.match(notice!, message, what);
          assert.ok(notice!.startsWith(last) && notice!.endsWith(`Going on from ${previous}.`), notice);
        }
      }
    },
  );

  test('is the one before when only that is covered by the logs, and the last when none is', () => {
    const { checkpoint, notice } = readLastCheckpoint(folder, 1)!;
    assert.equal(checkpoint.path, previous);
    assert.match(notice!, /last\.safetensors was written after epoch 2, but the logs end with epoch 1\. Going on from/);

    const uncovered = readLastCheckpoint(folder, 0)!;
    assert.equal(uncovered.checkpoint.path, last);
    assert.match(uncovered.notice!, /The epochs between stay missing there/);
  });

  test('is the best one when that is later: none of the epochs up to it is trained again', () => {
    const best = writeBest(5);
    const read = readLastCheckpoint(folder)!;
    assert.equal(read.notice, undefined);
    assert.equal(read.checkpoint.path, best);
    assert.deepEqual(read.checkpoint.progress, { ...progressOf(6), best: { epoch: 5, top1: 0.5 } });

    rmSync(last);
    assert.equal(readLastCheckpoint(folder)!.checkpoint.path, best, 'and there is no last');
    truncateSync(best, 20);
    const { checkpoint, notice } = readLastCheckpoint(folder)!;
    assert.equal(checkpoint.path, previous, 'and is damaged');
    assert.ok(notice!.startsWith(best) && notice!.endsWith(`Going on from ${previous}.`), notice);
  });

  test('is the last one when the best is as late', () => {
    writeBest(2);
    writeCheckpoint(folder, 'last', stateOf(3), { ...progressOf(3), best: { epoch: 2, top1: 0.5 } });
    const { checkpoint, notice } = readLastCheckpoint(folder)!;
    assert.equal(checkpoint.path, last);
    assert.equal(notice, undefined);
  });

  test('has the best epoch that best is of, also where the logs or an earlier gala left it behind', () => {
    const best = writeBest(2);
    const behind = readLastCheckpoint(folder, 1)!;
    assert.equal(behind.checkpoint.path, previous);
    assert.deepEqual(behind.checkpoint.progress, { ...progressOf(2), best: { epoch: 2, top1: 0.5 } });
    assert.ok(behind.notice!.endsWith(`The best epoch so far is 2, that of ${best}.`), behind.notice);

    writeCheckpoint(folder, 'last', stateOf(9), { ...progressOf(9), best: { epoch: 1, top1: 0.4 } });
    const passed = readLastCheckpoint(folder)!;
    assert.equal(passed.checkpoint.path, last);
    assert.deepEqual(passed.checkpoint.progress.best, { epoch: 2, top1: 0.5 });
    assert.equal(passed.notice, `The best epoch so far is 2, that of ${best}.`);
  });

  test('is an error when every one is damaged, and nothing when there is none', () => {
    for (const path of [last, previous]) truncateSync(path, 20);
    assert.throws(
      () => readLastCheckpoint(folder),
      (error: unknown) =>
        error instanceof StorageError &&
        error.where === last &&
        /No older checkpoint is whole either/.test(error.next!),
    );
    for (const path of [last, previous]) rmSync(path);
    assert.equal(readLastCheckpoint(folder), undefined);
  });
});
