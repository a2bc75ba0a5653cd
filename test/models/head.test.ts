import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { cosineHead, linearHead, tauNormalizedHead } from '../../src/models/head.js';
import { compute } from '../engine/compute.js';
import { float32, maxError } from '../numbers.js';
import { sharedPath } from '../shared.js';

describe('A linear head', () => {
  test('draws weight and bias uniformly within ±1/√features, as torch.nn.Linear does', () => {
    const { weight, bias } = linearHead(64, 100).init(3);
    assert.deepEqual([weight!.shape, bias!.shape], [[100, 64], [100]]);
    for (const { data } of [weight!, bias!]) {
      assert.ok(data.every(value => Math.abs(value) <= 1 / 8));
      assert.ok(Math.max(...data) > 0.11 && Math.min(...data) < -0.11);
    }
    assert.deepEqual(linearHead(64, 100).init(3), { weight, bias });
    assert.notDeepEqual(linearHead(64, 100).init(4).weight!.data, weight!.data);
  });

  test('multiplies features by the rows of the weight and adds the bias', () => {
    const parameters = {
      weight: tf.tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      bias: tf.tensor1d([10, 20, 30]),
    };
    const logits = linearHead(2, 3).apply(parameters, tf.tensor2d([[1, -1]]));
    assert.deepEqual([...logits.dataSync()], [9, 19, 29]);
  });
});

describe('A cosine head', () => {
  test('begins with rows of length 1 and gives scaled cosines whatever the lengths', () => {
    const head = cosineHead(2, 2, 10);
    const { weight, ...rest } = head.init(3);
    assert.deepEqual(rest, {});
    for (const row of [0, 1])
      assert.ok(Math.abs(Math.hypot(weight!.data[2 * row]!, weight!.data[2 * row + 1]!) - 1) < 1e-6);
    assert.deepEqual(head.init(3), { weight });
    const parameters = {
      weight: tf.tensor2d([
        [3, 4],
        [0, -7],
      ]),
    };
    const features = tf.tensor2d([
      [5, 0],
      [0, 0],
    ]);
    const logits = head.apply(parameters, features).dataSync();
    assert.ok([6, 0, 0, 0].every((value, i) => Math.abs(value - logits[i]!) < 1e-5));
  });

  test('has the gradient of torch.nn.functional.normalize on both sides', async () => {
    const inputs = { weight: float32([2, 3], [1, 2, -1, 0.5, 0.3, 2]), features: float32([1, 3], [0.2, -1, 3]) };
    const apply = (w: tf.Tensor, f: tf.Tensor) =>
      tf.sum(tf.mul(cosineHead(3, 2, 30).apply({ weight: w }, f as tf.Tensor2D), tf.tensor2d([[1, -2]]))) as tf.Scalar;
    const gradients = await compute(inputs, given => {
      const [weight, features] = tf.grads(apply)([given.weight!, given.features!]);
      return { weight: weight!, features: features! };
    });
    const valueAt = (w: readonly number[], f: readonly number[]) =>
      [0, 1].reduce((sum, j) => {
        const row = w.slice(3 * j, 3 * j + 3);
        const product = row.reduce((total, value, c) => total + value * f[c]!, 0);
        return sum + ((j === 0 ? 1 : -2) * 30 * product) / (Math.hypot(...row) * Math.hypot(...f));
      }, 0);
    const [w, f] = [Array.from(inputs.weight.data), Array.from(inputs.features.data)];
    const slope = (of: (delta: number) => number) => (of(1e-5) - of(-1e-5)) / 2e-5;
    const ofWeight = w.map((_, i) => slope(d => valueAt(w.with(i, w[i]! + d), f)));
    const ofFeatures = f.map((_, i) => slope(d => valueAt(w, f.with(i, f[i]! + d))));
    assert.ok(maxError(gradients.weight!.data, ofWeight) < 1e-4);
    assert.ok(maxError(gradients.features!.data, ofFeatures) < 1e-4);
  });
});

const golden = sharedPath('golden', 'losses.json');

test('A τ-normalised head equals the public implementation for every τ', {
  skip: golden ? false : 'no shared golden folder',
}, async () => {
  const { cases } = JSON.parse(readFileSync(golden!, 'utf8')).tau_normalized;
  assert.ok(cases.length > 0);
  for (const { C, D, weights, features, results } of cases) {
    for (const { tau, logits } of results) {
      const inputs = {
        weight: float32([C, D], weights.flat()),
        features: float32([features.length, D], features.flat()),
      };
      const outputs = await compute(inputs, given => ({
        logits: tauNormalizedHead(D, C, tau).apply(given, given.features as tf.Tensor2D),
      }));
      assert.ok(maxError(outputs.logits!.data, logits.flat()) < 2e-6, `τ = ${tau}`);
    }
  }
});
