import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Evaluation } from '../../src/eval/logitsFile.js';
import { summarize } from '../../src/eval/summary.js';
import { percent } from '../../src/tables/column.js';
import { perClassCsv, predictionsCsv, writeResultFiles } from '../../src/tables/resultFiles.js';
import { exampleEvaluation } from '../eval/example.js';
import { temporaryFolder } from '../temporaryFolder.js';

const evaluation: Evaluation = {
  split: 'test',
  run: 'r',
  checkpoint: 'last',
  logits: new Float32Array(9),
  labels: Int32Array.of(0, 0, 1),
  indices: Int32Array.of(7, 8, 12),
  classCounts: Int32Array.of(500, 20, 5),
  classNames: ['apple, red', 'bear', 'cat'],
};
const predictions = Int32Array.of(0, 1, 1);
const rebalanced = Int32Array.of(2, 1, 1);

test('the per-class CSV has prior, group and both accuracies; a class without images has empty ones', () => {
  assert.equal(
    perClassCsv(evaluation, predictions, rebalanced),
    'class,name,training_images,group,images,accuracy,accuracy_rebalanced\n' +
      '0,"apple, red",500,many,2,50.00,0.00\n' +
      '1,bear,20,medium,1,100.00,100.00\n' +
      '2,cat,5,few,0,,\n',
  );
});

test('the predictions CSV names the image by its index in the dataset', () => {
  assert.equal(
    predictionsCsv(evaluation, predictions, rebalanced),
    'index,label,predicted,predicted_rebalanced\n7,0,0,2\n8,0,1,1\n12,1,1,1\n',
  );
});

test('percent has two decimals and nothing for a missing value', () => {
  assert.deepEqual([0.48034, 0, 1, NaN, undefined].map(percent), ['48.03', '0.00', '100.00', undefined, undefined]);
});

test('Of several τ the files per class and per image take 1', () => {
  const folder = temporaryFolder();
  const example = exampleEvaluation(400, [500, 100, 20, 5]);
  const summary = summarize(example, [0, 1]);
  writeResultFiles(folder, [{ evaluation: example, summary }], 'given');
  const [, atOne] = summary.rebalanced;
  assert.notDeepEqual(atOne!.predictions, summary.predictions);
  assert.equal(
    readFileSync(join(folder, 'predictions.csv'), 'utf8'),
    predictionsCsv(example, summary.predictions, atOne!.predictions),
  );
});
