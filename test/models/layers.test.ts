import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../src/engine/program.js';
import { batchNorm, convolution } from '../../src/models/layers.js';
import type { HostTensors } from '../../src/tensor.js';
import { compute } from '../engine/compute.js';
import { float32, maxError, randomTensor } from '../numbers.js';

describe('Batch normalisation', () => {
  const channels = 2;
  const count = 4 * 3 * 3;
  // Of a variance near ε = 1e-5, where ε matters most.
  const x = randomTensor('x', [4, 3, 3, channels], 0.29, 0.31);
  const inputs: HostTensors = {
    x,
    weight: float32([channels], [2, 0.5]),
    bias: float32([channels], [0.1, -0.3]),
    running_mean: float32([channels], [0.2, 0.4]),
    running_var: float32([channels], [2e-5, 3]),
  };
  const apply = (given: Tensors, updated: Tensors | undefined) => {
    const named = (...names: string[]) => Object.fromEntries(names.map(name => [`bn.${name}`, given[name]!]));
    const statistics = named('running_mean', 'running_var');
    return batchNorm('bn', given.x as tf.Tensor4D, named('weight', 'bias'), statistics, updated);
  };
  const of = (name: string, c: number) => inputs[name]!.data[c]!;
  const normalised = (mean: number[], variance: number[]) =>
    Array.from(
      x.data,
      (value, i) =>
        ((value - mean[i % 2]!) / Math.sqrt(variance[i % 2]! + 1e-5)) * of('weight', i % 2) + of('bias', i % 2),
    );

  test('in training uses the batch’s own mean and variance, and moves the running ones by a tenth', async () => {
    const results = await compute(inputs, given => {
      const updated: Tensors = {};
      const y = apply(given, updated);
      return { y, mean: updated['bn.running_mean']!, variance: updated['bn.running_var']! };
    });
    const perChannel = [0, 1].map(c => Array.from(x.data).filter((_, i) => i % 2 === c));
    const mean = perChannel.map(values => values.reduce((sum, value) => sum + value, 0) / count);
    const squares = perChannel.map((values, c) => values.reduce((sum, value) => sum + (value - mean[c]!) ** 2, 0));
    const variance = squares.map(sum => sum / count);
    assert.ok(maxError(results.y!.data, normalised(mean, variance)) < 1e-4);
    const moved = (running: string, batch: number[]) => batch.map((value, c) => 0.9 * of(running, c) + 0.1 * value);
    assert.ok(maxError(results.mean!.data, moved('running_mean', mean)) < 1e-6);
    const unbiased = squares.map(sum => sum / (count - 1));
    const [small] = moved('running_var', unbiased);
    assert.ok(maxError([results.variance!.data[0]!], [small!]) < 1e-4);
    assert.ok(maxError(results.variance!.data, moved('running_var', unbiased)) < 1e-6);
  });

  test('in evaluation uses the running mean and variance', async () => {
    const { y } = await compute(inputs, given => ({ y: apply(given, undefined) }));
    const expected = normalised([of('running_mean', 0), of('running_mean', 1)], [of('running_var', 0), 3]);
    assert.ok(maxError(y!.data, expected) < 1e-5);
  });
});

test('A 3×3 convolution pads one pixel on every side, at stride 2 too', async () => {
  const ones = float32([1, 4, 4, 1], new Float32Array(16).fill(1));
  // The filter takes the pixel above on the left: at the border that is the padding.
  const filter = float32([3, 3, 1, 1], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const { one, two } = await compute({ ones, filter }, given => ({
    one: convolution(given.ones as tf.Tensor4D, given.filter!, 1),
    two: convolution(given.ones as tf.Tensor4D, given.filter!, 2),
  }));
  assert.deepEqual([...one!.data], [0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1]);
  assert.deepEqual([...two!.shape], [1, 2, 2, 1]);
  assert.deepEqual([...two!.data], [0, 0, 0, 1]);
});
