/**
 * Gradients of sums and means, which replace those of TF.js: all engines and the reference of the kernel cases share
 * them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import '../../src/engine/trainingKernels.js';

await tf.setBackend('cpu');
const x = tf.tensor3d([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [2, 3, 2]);

/** The gradient by `x` of Σ weight · reduced(x), with the weights 1, 2, 3, … */
function gradient(reduced: (x: tf.Tensor) => tf.Tensor): number[] {
  const weighted = (given: tf.Tensor): tf.Scalar => {
    const y = reduced(given);
    return tf.dot(y.flatten(), tf.range(1, y.size + 1)) as tf.Scalar;
  };
  return [...tf.grad(weighted)(x).dataSync()];
}

test('Each element of a sum has the gradient of the sum', () => {
  assert.deepEqual(
    gradient(x => tf.sum(x)),
    Array(12).fill(1),
  );
  assert.deepEqual(
    gradient(x => tf.sum(x, 0)),
    [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6],
  );
  assert.deepEqual(
    gradient(x => tf.sum(x, [1, 2], true)),
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2],
  );
  assert.deepEqual(
    gradient(x => tf.sum(x, -1)),
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
  );
});

test('Each element of a mean has its share of the gradient of the mean', () => {
  assert.deepEqual(
    gradient(x => tf.mean(x)),
    Array(12).fill(Math.fround(1 / 12)),
  );
  assert.deepEqual(
    gradient(x => tf.mean(x, [0, 2])),
    [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3].map(n => n / 4),
  );
  assert.deepEqual(
    gradient(x => tf.mean(x, 2, true)),
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6].map(n => n / 2),
  );
});
