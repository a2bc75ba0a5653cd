import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, DataError } from '../../src/errors.js';
import { predictedMass, rebalanceSweep, softmaxOf, uniformPriorWeights } from '../../src/eval/rebalance.js';
import { exampleEvaluation, rebalance } from './example.js';

/** The definition, word for word: softmax, sum over the set, divide, argmax. */
function byDefinition(logits: Float32Array, classes: number, tau: number, weights?: Float64Array): number[] {
  const rows = Array.from({ length: logits.length / classes }, (_, i) => {
    const row = [...logits.subarray(i * classes, (i + 1) * classes)];
    const largest = Math.max(...row);
    const exponentials = row.map(z => Math.exp(z - largest));
    const sum = exponentials.reduce((a, b) => a + b);
    return exponentials.map(e => e / sum);
  });
  const mass = rows[0]!.map((_, j) => rows.reduce((sum, row, i) => sum + row[j]! * (weights?.[i] ?? 1), 0));
  return rows.map(row => {
    const scores = row.map((p, j) => p / mass[j]! ** tau);
    return scores.indexOf(Math.max(...scores));
  });
}

describe('prediction re-balancing', () => {
  test('the log-space sweep equals the definition for 21 τ, with and without weights', () => {
    const { logits, labels } = exampleEvaluation(400, new Array(30).fill(5));
    for (let k = 0; k < logits.length; k++) logits[k]! -= 0.15 * (k % 30); // a head and a tail
    const taus = Array.from({ length: 21 }, (_, t) => t / 10);
    for (const weights of [undefined, uniformPriorWeights(labels, 30)]) {
      const sweep = rebalanceSweep(logits, softmaxOf(logits, 30, weights), taus);
      for (const [t, tau] of taus.entries())
        assert.deepEqual([...sweep[t]!], byDefinition(logits, 30, tau, weights), `τ = ${tau}`);
    }
    const counts = new Set(rebalanceSweep(logits, softmaxOf(logits, 30), taus).map(String));
    assert.ok(counts.size > 10, 'the τ hardly differ: the test is too easy');
  });

  test('the order of the τ does not matter', () => {
    const { logits } = exampleEvaluation(100, new Array(10).fill(5));
    const softmax = softmaxOf(logits, 10);
    const sweep = rebalanceSweep(logits, softmax, [1.5, 0, 1]);
    for (const [t, tau] of [1.5, 0, 1].entries()) assert.deepEqual(sweep[t], rebalance(logits, 10, tau));
    assert.deepEqual(rebalanceSweep(logits, softmax, []), []);
  });

  test('τ = 0 is the plain prediction, and the masses add up to the number of images', () => {
    const { logits } = exampleEvaluation(200, new Array(10).fill(5));
    assert.deepEqual(rebalance(logits, 10, 0), softmaxOf(logits, 10).predictions);
    const total = predictedMass(logits, 10).reduce((a, b) => a + b);
    assert.ok(Math.abs(total - 200) < 1e-9);
  });

  test('a class the model over-predicts loses to the others', () => {
    // Both rows lean to class 0; class 1 has most of its small mass in the second row.
    const logits = Float32Array.of(2, 0, 1, 0.5);
    assert.deepEqual([...softmaxOf(logits, 2).predictions], [0, 0]);
    assert.deepEqual([...rebalance(logits, 2, 1)], [0, 1]);
  });

  test('of equal scores the lowest class wins, plain and re-balanced', () => {
    const logits = Float32Array.of(1, 3, 3, 3, 3, 1, 0, 0, 0);
    assert.deepEqual([...softmaxOf(logits, 3).predictions], [1, 0, 0]);
    assert.deepEqual([...rebalance(new Float32Array(9), 3, 1)], [0, 0, 0]);
  });

  test('a class that never gets probability is never predicted, for any τ', () => {
    // exp(−2000) is 0 in float64 and −∞ is 0 anyway: both masses are exactly 0.
    const logits = Float32Array.of(-2000, 1, 0, -Infinity, -2000, 0, 1, -Infinity);
    assert.deepEqual(
      [...predictedMass(logits, 4)].map(mass => mass > 0),
      [false, true, true, false],
    );
    for (const tau of [0, 0.5, 1, 2, 1000]) {
      const predictions = [...rebalance(logits, 4, tau)];
      assert.deepEqual(predictions, [1, 2], `τ = ${tau}`);
    }
  });

  test('logits far apart and far from 0 neither overflow nor underflow', () => {
    const logits = Float32Array.of(1e30, 0, 0, 1e30, 3e38, -3e38);
    assert.deepEqual([...rebalance(logits, 2, 1)], byDefinition(logits, 2, 1));
    assert.ok(predictedMass(logits, 2).every(Number.isFinite));
  });

  test('a τ that is NaN, negative, infinite or absurd is a ConfigError', () => {
    for (const tau of [NaN, -0.1, Infinity, -Infinity, 1001]) {
      assert.throws(() => rebalance(new Float32Array(4), 2, tau), ConfigError, String(tau));
    }
  });

  test('NaN and infinite logits are a DataError that names the image and the class', () => {
    for (const bad of [NaN, Infinity]) {
      const logits = new Float32Array(6);
      logits[3] = bad;
      for (const use of [() => rebalance(logits, 2, 1), () => softmaxOf(logits, 2).predictions]) {
        assert.throws(
          use,
          (error: unknown) => error instanceof DataError && error.where === 'image 1, class 1',
          String(bad),
        );
      }
    }
    const nothing = Float32Array.of(0, 0, -Infinity, -Infinity);
    assert.throws(() => rebalance(nothing, 2, 1), DataError);
    assert.throws(() => softmaxOf(nothing, 2).predictions, DataError);
  });

  test('logits that do not make whole rows are a DataError', () => {
    assert.throws(() => rebalance(new Float32Array(5), 2, 1), DataError);
    assert.throws(() => softmaxOf(new Float32Array(5), 0).predictions, DataError);
  });

  test('uniform-prior weights give every class that occurs the same total', () => {
    const labels = Int32Array.of(0, 0, 0, 2);
    const weights = uniformPriorWeights(labels, 3);
    assert.deepEqual([...weights], [1 / 3, 1 / 3, 1 / 3, 1]);
    assert.throws(() => uniformPriorWeights(Int32Array.of(3), 3), DataError);
  });
});
