/** When the stored logits of a run speak for its checkpoints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evaluation, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { createRecord, updateRecord } from '../../src/run/record.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import { logitsPath, type RunFolder } from '../../src/run/runFolder.js';
import { listStoredLogits, resultLogits, storedLogits } from '../../src/run/storedLogits.js';
import { exampleEvaluation } from '../eval/example.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleRecord, finishRun } from './example.js';
import { makeRunFolder } from './makeRunFolder.js';

const output = temporaryFolder();
const best: Evaluation = exampleEvaluation(20, [200, 50, 5]);
const last: Evaluation = { ...best, checkpoint: 'last', epoch: 200, selected_on: 'last' };

/** A run whose results are of `evaluations`, and which has their logits. */
function runOf(evaluations: readonly Evaluation[], status: RunRecord['status'] = 'finished'): RunFolder {
  const folder = makeRunFolder({ output, name: 'run', seed: 3 });
  createRecord(folder.record, exampleRecord('run'));
  finishRun(folder, evaluations, { epoch: 200 });
  updateRecord(folder.record, { status });
  return folder;
}

function store(folder: RunFolder, evaluation: Evaluation): void {
  writeLogitsFile(logitsPath(folder, `${evaluation.split}-${evaluation.checkpoint}`), evaluation);
}

test('Those of a finished run are taken, of best where a split chose one, else of last', () => {
  const chosen = runOf([best, last]);
  assert.deepEqual(storedLogits(chosen, 'test'), best);
  assert.deepEqual(storedLogits(chosen, 'test', 'best'), best);
  assert.deepEqual(storedLogits(chosen, 'test', 'last'), last);
  assert.deepEqual(storedLogits(runOf([last]), 'test'), last);
  assert.deepEqual(listStoredLogits(chosen), ['test-best', 'test-last']);
});

test(
  'None are taken of another split, of a checkpoint that was not stored or is a file, or of an ' + 'unfinished run',
  () => {
    const folder = runOf([last]);
    assert.equal(storedLogits(folder, 'train'), undefined);
    assert.equal(storedLogits(folder, 'test', 'best'), undefined);
    assert.equal(storedLogits(folder, 'test', `${folder.checkpoints}/last.safetensors`), undefined);
    for (const status of ['running', 'interrupted', 'failed', 'diverged'] as const)
      assert.equal(storedLogits(runOf([last], status), 'test'), undefined);
  },
);

test('Logits of another epoch than the results are of are those of other weights', () => {
  const folder = runOf([best, last]);
  const onTrain = { ...last, split: 'train' };
  store(folder, { ...onTrain, epoch: 100 });
  assert.equal(storedLogits(folder, 'train', 'last'), undefined);
  store(folder, { ...last, epoch: 100 });
  assert.throws(() => resultLogits(folder, 'last'), {
    name: 'StorageError',
    message: "The stored test logits of checkpoint last are not those of the run's results.",
  });
  assert.deepEqual(resultLogits(folder, 'best'), best);
  store(folder, onTrain);
  assert.deepEqual(storedLogits(folder, 'train', 'last'), onTrain);
});
