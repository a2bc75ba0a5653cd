import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { linearHead } from '../../src/models/head.js';

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
