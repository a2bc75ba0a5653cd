/** Batch normalisation of parts of a batch is that of each part by itself, with its gradients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../src/engine/program.js';
import { batchNormTrain } from '../../src/engine/trainingKernels.js';
import { batchNormOfParts } from '../../src/models/layers.js';
import { compute } from '../engine/compute.js';
import { maxError, randomTensor } from '../numbers.js';

const [parts, rows, channels] = [3, 2, 4];
const shape = [parts * rows, 3, 5, channels];
const inputs = {
  x: randomTensor('x', shape, -1, 3),
  scale: randomTensor('scale', [channels], 0.5, 2),
  offset: randomTensor('offset', [channels]),
  dy: randomTensor('dy', shape),
};

/** Value, statistics and gradients of a normalisation. */
function outputs(
  { x, scale, offset, dy }: Tensors,
  normalise: (x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D) => Tensors,
): Tensors {
  const of = (...given: tf.Tensor[]) =>
    normalise(given[0] as tf.Tensor4D, given[1] as tf.Tensor1D, given[2] as tf.Tensor1D);
  const [dx, dScale, dOffset] = tf.grads((...given: tf.Tensor[]) => of(...given).y!)([x!, scale!, offset!], dy!);
  return { ...of(x!, scale!, offset!), dx: dx!, dScale: dScale!, dOffset: dOffset! };
}

test('Each part is normalised by its own statistics; running statistics take their means', async () => {
  const actual = await compute(inputs, given =>
    outputs(given, (x, scale, offset) => ({ ...batchNormOfParts(x, scale, offset, 1e-5, parts) })),
  );
  const expected = await compute(inputs, given =>
    outputs(given, (x, scale, offset) => {
      const each = tf.split(x, parts).map(part => batchNormTrain(part as tf.Tensor4D, scale, offset, 1e-5));
      const average = (values: tf.Tensor[]) =>
        tf.div(
          values.reduce((sum, value) => tf.add(sum, value)),
          parts,
        );
      return {
        y: tf.concat(each.map(({ y }) => y)),
        mean: average(each.map(({ mean }) => mean)),
        variance: average(each.map(({ variance }) => variance)),
      };
    }),
  );
  for (const [name, { data }] of Object.entries(expected)) {
    const error = maxError(actual[name]!.data, data);
    assert.ok(error <= 1e-5, `${name}: ${error}`);
  }
});
