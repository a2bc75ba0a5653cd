/** Probabilities and their order, compared with the softmax and with re-balancing of whole splits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { predictedMass } from '../../src/eval/rebalance.js';
import { topClasses } from '../../src/predict/ranking.js';
import { randomFor } from '../../src/random.js';
import { rebalance } from '../eval/example.js';

const classes = 7;
const logits = new Float32Array(50 * classes);
randomFor('ranking').normals(logits, 2);
const rowOf = (i: number) => logits.subarray(i * classes, (i + 1) * classes);

test('Probabilities are the softmax, the most probable class first, of equal ones the lowest', () => {
  assert.deepEqual(
    topClasses(Float32Array.of(0, Math.log(2), 0), 3).map(({ label, probability }) => [label, probability.toFixed(6)]),
    [
      [1, '0.500000'],
      [0, '0.250000'],
      [2, '0.250000'],
    ],
  );
  const all = topClasses(rowOf(0), classes);
  assert.deepEqual(all.map(({ label }) => label).sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.ok(Math.abs(all.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-12);
});

test('Re-balanced, the first class is the one that re-balancing of the whole split predicts', () => {
  const mass = predictedMass(logits, classes);
  for (const tau of [0, 0.5, 1, 1.7]) {
    const expected = rebalance(logits, classes, tau);
    const first = Int32Array.from(expected, (_, i) => topClasses(rowOf(i), 1, { tau, mass })[0]!.label);
    assert.deepEqual(first, expected);
  }
});

test('A class without mass has probability 0, and every class is told once', () => {
  const mass = Float64Array.of(1, 0, 2, 0, 1, 1, 1);
  const all = topClasses(rowOf(1), classes, { tau: 1, mass });
  assert.equal(new Set(all.map(({ label }) => label)).size, classes);
  for (const { label, probability } of all) assert.equal(probability === 0, mass[label] === 0);
});

test('Logits that are not finite are refused', () => {
  assert.throws(() => topClasses(Float32Array.of(1, Number.NaN), 1), DataError);
});
