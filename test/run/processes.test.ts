import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceTimesOf, trainingSeconds } from '../../src/run/processes.js';
import { readRecord } from '../../src/run/record.js';
import { writeExampleRun } from '../results/exampleRun.js';
import { temporaryFolder } from '../temporaryFolder.js';

test('Training seconds are those of the run, of first stage and teachers, and of theirs, each run once', async () => {
  const record = readRecord(join(await writeExampleRun(temporaryFolder()), 'run.json'));
  const source = (run: string, training_seconds: number) => ({
    ...{ run, training_seconds, config_hash: 'x', epoch: 1, weights_sha256: 'y' },
  });
  const first = { ...source('gala/1', 1000), sources: [{ run: 'mixup/1', training_seconds: 10 }] };
  const second = { ...source('gala/2', 2000), sources: [{ run: 'mixup/1', training_seconds: 10 }] };
  const student = { ...record, training_seconds: 300, first_stage: first, teachers: [first, second] };
  assert.equal(trainingSeconds(record), 36);
  assert.equal(trainingSeconds(student), 3310);
  assert.deepEqual(sourceTimesOf(student), [
    { run: 'gala/1', training_seconds: 1000 },
    { run: 'mixup/1', training_seconds: 10 },
    { run: 'gala/2', training_seconds: 2000 },
  ]);
});
