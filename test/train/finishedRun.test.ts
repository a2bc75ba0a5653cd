import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { readRecord } from '../../src/run/record.js';
import { openRunFolder } from '../../src/run/runFolder.js';
import { writeCheckpoint } from '../../src/train/checkpoint.js';
import { readFinishedRun } from '../../src/train/finishedRun.js';
import { writeExampleRun } from '../results/exampleRun.js';
import { temporaryFolder } from '../temporaryFolder.js';

test('The source that a finished run becomes has the times of its own first stage and teachers', async () => {
  const output = temporaryFolder();
  const folder = openRunFolder(await writeExampleRun(output));
  const weight = { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as const;
  const progress = { epoch: 1, step: 0, loss_sum: 0, training_seconds: 36 };
  writeCheckpoint(folder.checkpoints, 'last', { 'backbone.conv1.weight': weight }, progress);
  const sourceOf = () => readFinishedRun(folder.directory, output, 'teacher').source;
  assert.deepEqual([sourceOf().training_seconds, sourceOf().sources], [36, undefined]);

  const firstStage = { run: 'mixup/1', config_hash: 'x', epoch: 1, weights_sha256: 'y', training_seconds: 10 };
  writeFileSync(folder.record, JSON.stringify({ ...readRecord(folder.record), first_stage: firstStage }));
  assert.deepEqual([sourceOf().training_seconds, sourceOf().sources], [36, [{ run: 'mixup/1', training_seconds: 10 }]]);
});
