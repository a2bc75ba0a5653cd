import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, DataError } from '../../src/errors.js';
import { adjustmentShift, logitAdjustedPredictions } from '../../src/eval/logitAdjustment.js';
import { resultRows } from '../../src/eval/resultRow.js';
import { summarize } from '../../src/eval/summary.js';
import { exampleEvaluation } from './example.js';

test('τ = 0 is the plain prediction, a growing τ moves predictions to rare classes, one image at a time', () => {
  const counts = Int32Array.of(1000, 100, 1);
  const logits = Float32Array.of(3, 2, 0, 3, 2, 1);
  assert.deepEqual([...logitAdjustedPredictions(logits, counts, 0)], [0, 0]);
  // log 10 = 2.3 lifts class 1 over class 0; log 1000 = 6.9 lifts class 2 over both.
  assert.deepEqual([...logitAdjustedPredictions(logits, counts, 0.45)], [2, 2]);
  assert.deepEqual([...logitAdjustedPredictions(Float32Array.of(3, 2, -5), counts, 0.6)], [1]);
  assert.deepEqual(
    [...logitAdjustedPredictions(logits.subarray(3), counts, 0.3)],
    [...logitAdjustedPredictions(logits, counts, 0.3)].slice(1),
  );
});

test('a class without training images counts as one image', () => {
  const logits = Float32Array.of(2, 0, 0.5);
  for (const count of [0, 1])
    assert.deepEqual([...logitAdjustedPredictions(logits, Int32Array.of(10, 1, count), 1)], [2]);
});

test('an unusable τ and unusable logits are refused', () => {
  for (const tau of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => logitAdjustedPredictions(Float32Array.of(1, 0), Int32Array.of(1, 1), tau), ConfigError);
  assert.throws(() => logitAdjustedPredictions(Float32Array.of(Number.NaN, 0), Int32Array.of(1, 1), 1), DataError);
});

test('a summary has a line for each τ of logit adjustment, marked as such', () => {
  const evaluation = exampleEvaluation(50, [200, 50, 5]);
  const rows = resultRows(evaluation, summarize(evaluation, [1], [0, 1]), 'config');
  assert.deepEqual(
    rows.map(({ tau, method, tau_selected_on }) => [tau, method, tau_selected_on]),
    [
      [undefined, undefined, undefined],
      [1, undefined, 'config'],
      [undefined, 'equal_masses', undefined],
      [0, 'logit_adjusted', 'given'],
      [1, 'logit_adjusted', 'given'],
    ],
  );
  assert.equal(rows[3]!.top1, rows[0]!.top1);
});

test('a class without training images counts as one image, also where no class has any', () => {
  assert.deepEqual(
    [...adjustmentShift(Int32Array.of(0, 0, 0), 1)],
    [0, 0, 0].map(() => Math.log(1 / 3 + 1e-12)),
  );
  assert.equal(adjustmentShift(Int32Array.of(0, 3), 1)[0], Math.log(1 / 4 + 1e-12));
});
