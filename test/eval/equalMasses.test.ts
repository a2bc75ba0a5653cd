import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { equalMassShift } from '../../src/eval/equalMasses.js';
import { shiftedPredictions } from '../../src/eval/kernels/logitKernels.js';
import { softmaxOf, uniformPriorWeights } from '../../src/eval/rebalance.js';
import { summarize } from '../../src/eval/summary.js';
import { exampleEvaluation } from './example.js';

function headAndTail(images: number, classes: number) {
  const evaluation = exampleEvaluation(images, new Array(classes).fill(5));
  for (let k = 0; k < evaluation.logits.length; k++) evaluation.logits[k]! -= 0.15 * (k % classes);
  return evaluation;
}

/** Sinkhorn's scaling, word for word: divide by the masses until they are equal. */
function bySinkhorn(logits: Float32Array, classes: number, weights?: Float64Array): Float64Array {
  const shift = new Float64Array(classes);
  for (let round = 0; round < 5000; round++) {
    const { mass } = softmaxOf(logits, classes, weights, shift);
    const equal = mass.reduce((a, b) => a + b) / classes;
    for (let j = 0; j < classes; j++) shift[j]! += Math.log(mass[j]! / equal);
  }
  return shift;
}

/** Two shifts are the same factors where they differ by a number that all classes share. */
function assertSameFactors(actual: Float64Array, expected: Float64Array): void {
  const offset = actual[0]! - expected[0]!;
  for (const [j, value] of actual.entries())
    assert.ok(Math.abs(value - expected[j]! - offset) < 0.01, `class ${j}: ${value - offset}, not ${expected[j]}`);
}

describe('re-balancing to equal masses', () => {
  test('the masses are equal to a thousandth, and the factors are those of Sinkhorn’s scaling', () => {
    const { logits, labels } = headAndTail(400, 30);
    for (const weights of [undefined, uniformPriorWeights(labels, 30)]) {
      const softmax = softmaxOf(logits, 30, weights);
      const shift = equalMassShift(logits, softmax, weights);
      const { mass } = softmaxOf(logits, 30, weights, shift);
      const equal = softmax.mass.reduce((a, b) => a + b) / 30;
      assert.ok(Math.max(...softmax.mass) / equal > 1.5, 'the masses are equal before: the test is too easy');
      for (const m of mass) assert.ok(Math.abs(m / equal - 1) < 1.1e-3, `${m} is not ${equal}`);
      assertSameFactors(shift, bySinkhorn(logits, 30, weights));
    }
  });

  test('the predictions are those of optimal transport by the Python package POT', () => {
    const file = new URL('../../../test/fixtures/equal_masses.json', import.meta.url);
    const { classes, logits, plain, predictions } = JSON.parse(readFileSync(file, 'utf8'));
    const ours = Float32Array.from(logits as number[]);
    const softmax = softmaxOf(ours, classes);
    assert.deepEqual([...softmax.predictions], plain);
    assert.notDeepEqual(predictions, plain);
    assert.deepEqual([...shiftedPredictions(ours, equalMassShift(ours, softmax))], predictions);
  });

  test('a summary counts its predictions and its top-5', () => {
    const evaluation = headAndTail(400, 30);
    const { equalMasses, plain } = summarize(evaluation, []);
    const shift = equalMassShift(evaluation.logits, softmaxOf(evaluation.logits, 30));
    assert.deepEqual(equalMasses.predictions, shiftedPredictions(evaluation.logits, shift));
    const right = equalMasses.predictions.filter((klass, i) => klass === evaluation.labels[i]).length;
    assert.equal(equalMasses.scores.top1, right / 400);
    assert.ok(equalMasses.scores.top1 > plain.top1 && equalMasses.scores.top5! > equalMasses.scores.top1);
  });

  test('masses that are equal already change nothing', () => {
    const logits = Float32Array.of(2, 0, 0, 0, 2, 0, 0, 0, 2);
    assert.deepEqual([...equalMassShift(logits, softmaxOf(logits, 3))], [0, 0, 0]);
  });

  test('a class that never gets probability is never predicted, and the others share the mass', () => {
    const logits = Float32Array.of(-2000, 3, 0, -Infinity, -2000, 1, 1, -Infinity);
    const shift = equalMassShift(logits, softmaxOf(logits, 4));
    assert.deepEqual([shift[0], shift[3]], [Infinity, Infinity]);
    const { mass } = softmaxOf(logits, 4, undefined, shift);
    assert.ok(Math.abs(mass[1]! - 1) < 1e-3 && Math.abs(mass[2]! - 1) < 1e-3, String(mass));
    assert.deepEqual([...shiftedPredictions(logits, shift)], [1, 2]);
  });

  test('where no factor makes the masses equal, the search ends with finite factors', () => {
    for (const logits of [Float32Array.of(1e30, 0, 0, 1e30, 3e38, -3e38), Float32Array.of(90, 0, 90, 0, 90, 0)]) {
      const shift = equalMassShift(logits, softmaxOf(logits, 2));
      assert.ok(shift.every(Number.isFinite), String(shift));
    }
  });
});
