import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeSafetensors } from '../../src/io/safetensors.js';
import { checkpointPath, readCheckpoint, readLastCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile, oddNumber } from './changes.js';
import { fuzz } from './fuzz.js';

const folder = temporaryFolder();
const [last, previous] = ['last', 'last.previous'].map(name => checkpointPath(folder, name)) as [string, string];
const state = { weight: { dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } } as const;
const progress = { epoch: 4, step: 2, loss_sum: 1.5, training_seconds: 9, best: { epoch: 3, top1: 0.5 } };
for (const epoch of [3, 4]) writeCheckpoint(folder, 'last', state, { ...progress, epoch }, { keepPrevious: true });
const [whole, wholePrevious] = [readFileSync(last), readFileSync(previous)];

test('A checkpoint with changed bytes is as it was, or gives way to the one before', t =>
  fuzz(t, changedFile(whole), {
    read: file => {
      writeFileSync(last, file);
      writeFileSync(previous, wholePrevious);
      const { checkpoint, notice } = readLastCheckpoint(folder)!;
      assert.deepEqual(checkpoint.state, state);
      assert.equal(checkpoint.progress.epoch, notice === undefined ? 4 : 3);
      if (notice === undefined) assert.deepEqual(checkpoint.progress, progress);
    },
    refuses: false,
    bytes: file => file.length,
  }));

test('Two checkpoints with changed bytes: one that is whole, or a refusal', t =>
  fuzz(t, fc.tuple(changedFile(whole), changedFile(wholePrevious)), {
    read: ([file, before]) => {
      writeFileSync(last, file);
      writeFileSync(previous, before);
      assert.deepEqual(readLastCheckpoint(folder)!.checkpoint.state, state);
    },
    bytes: ([file, before]) => file.length + before.length,
  }));

const number = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 1, arbitrary: oddNumber },
  { weight: 1, arbitrary: fc.jsonValue() },
);
const anyProgress = fc.oneof(
  fc
    .record(
      {
        epoch: number,
        step: number,
        loss_sum: number,
        training_seconds: number,
        best: fc.record({ epoch: number, top1: number }),
      },
      { requiredKeys: ['epoch', 'step'] },
    )
    .map(value => JSON.stringify(value)),
  fc.json(),
  fc.string(),
);

test('A checkpoint with any position in training is read or refused', t =>
  fuzz(t, anyProgress, {
    read: text => {
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
      writeSafetensors(last, state, { progress: text });
      const { epoch, step } = readCheckpoint(last).progress;
      assert.ok(Number.isInteger(epoch) && epoch >= 1 && Number.isInteger(step) && step >= 0);
    },
    bytes: () => statSync(last).size,
  }));
