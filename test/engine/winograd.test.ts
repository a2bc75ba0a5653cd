/** gala's own convolutions: which they replace, how near TensorFlow's they are, that they repeat. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Precision, Program } from '../../src/engine/program.js';
import { groupedConv2d } from '../../src/engine/trainingKernels.js';
import type { HostTensors } from '../../src/tensor.js';
import { normError, randomTensor } from '../numbers.js';
import { describeUnless } from '../shared.js';
import { specsOf } from './compute.js';
import { lacking, run } from './ownOperations.js';

type Shape = readonly [number, number, number, number];
type Apply = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor4D;

/** 3 × 3, stride 1, padding 1. */
const plain: Apply = (x, filter) => tf.conv2d(x, filter, 1, 'same');

interface Case {
  readonly what: string;
  readonly image: Shape;
  readonly filter: Shape;
  readonly apply?: Apply;
}

const replaced: readonly Case[] = [
  { what: 'a batch of ResNet-32’s first stage', image: [64, 32, 32, 16], filter: [3, 3, 16, 16] },
  { what: 'of its last stage', image: [64, 8, 8, 64], filter: [3, 3, 64, 64] },
  { what: 'more channels out than in', image: [2, 16, 16, 16], filter: [3, 3, 16, 48] },
  { what: 'fewer channels out than in', image: [2, 16, 16, 64], filter: [3, 3, 64, 32] },
  { what: 'sides that 4 does not divide', image: [3, 7, 14, 32], filter: [3, 3, 32, 32] },
  { what: 'one image of one tile', image: [1, 4, 4, 16], filter: [3, 3, 16, 16] },
  {
    what: 'a sum with the images',
    image: [2, 9, 8, 32],
    filter: [3, 3, 32, 32],
    apply: (x, filter) => tf.add(plain(x, filter), x),
  },
  {
    what: 'a sum with their squares', // whose gradient has no other use: the sum can take its memory
    image: [2, 9, 8, 32],
    filter: [3, 3, 32, 32],
    apply: (x, filter) => tf.add(plain(x, filter), tf.square(x)),
  },
  { what: 'the most channels', image: [1, 7, 5, 128], filter: [3, 3, 128, 128] },
];
const left: readonly Case[] = [
  { what: 'three channels', image: [2, 8, 8, 3], filter: [3, 3, 3, 16] },
  { what: 'channels that 16 does not divide', image: [2, 8, 8, 24], filter: [3, 3, 24, 16] },
  { what: 'more channels', image: [1, 4, 4, 256], filter: [3, 3, 256, 128] },
  { what: 'an image smaller than a tile', image: [2, 8, 3, 16], filter: [3, 3, 16, 16] },
  { what: '1 × 1', image: [2, 8, 8, 16], filter: [1, 1, 16, 16] },
  { what: '5 × 5', image: [2, 8, 8, 16], filter: [5, 5, 16, 16] },
  { what: 'stride 2', image: [2, 8, 8, 16], filter: [3, 3, 16, 16], apply: (x, filter) => tf.conv2d(x, filter, 2, 1) },
  {
    what: 'no padding',
    image: [2, 8, 8, 16],
    filter: [3, 3, 16, 16],
    apply: (x, filter) => tf.conv2d(x, filter, 1, 'valid'),
  },
  {
    what: 'two groups',
    image: [2, 8, 8, 32],
    filter: [3, 3, 16, 32],
    apply: (x, filter) => groupedConv2d(x, filter, 1, 'same'),
  },
];

/** The output, and the gradients of the sum of its squares. */
function programOf({ image, filter, apply = plain }: Case): { program: Program; inputs: HostTensors } {
  const inputs = { x: randomTensor('x', image), filter: randomTensor('filter', filter) };
  const convolve = (x: tf.Tensor, filter: tf.Tensor) => apply(x as tf.Tensor4D, filter as tf.Tensor4D);
  const program: Program = {
    inputs: specsOf(inputs),
    apply: (_, { x, filter }) => {
      const gradients = tf.grads((a, b) => tf.sum(tf.square(convolve(a!, b!))));
      const [dx, dfilter] = gradients([x!, filter!]);
      return { state: {}, outputs: { y: convolve(x!, filter!), dx: dx!, dfilter: dfilter! } };
    },
  };
  return { program, inputs };
}

function runCase(row: Case, own: boolean, threads = 2, precision: Precision = 'fp32') {
  const { program, inputs } = programOf(row);
  return run(program, inputs, { own, threads, precision });
}

describeUnless(lacking, 'gala’s own convolutions', () => {
  for (const row of replaced) {
    test(`compute ${row.what} and its gradients, within 1e-5 of TensorFlow’s`, async () => {
      const [own, theirs] = [await runCase(row, true, 2), await runCase(row, false, 2)];
      assert.match(own.info.operations ?? '', /^operations-\d+$/);
      assert.equal(theirs.info.operations, undefined);
      for (const [name, { shape, data }] of Object.entries(own.outputs)) {
        const expected = theirs.outputs[name]!;
        assert.deepEqual(shape, expected.shape);
        assert.ok(normError(data, expected.data) < 1e-5, `${name}: ${normError(data, expected.data)}`);
        assert.notDeepEqual(data, expected.data, `${name} has TensorFlow’s bits: the operation was not replaced`);
      }
    });
  }

  for (const row of left) {
    test(`leave ${row.what} to TensorFlow`, async () => {
      const [own, theirs] = [await runCase(row, true, 2), await runCase(row, false, 2)];
      assert.deepEqual(own.outputs, theirs.outputs);
    });
  }

  test('have no part in bf16', async () => {
    const row = replaced[3]!;
    assert.deepEqual((await runCase(row, true, 2, 'bf16')).outputs, (await runCase(row, false, 2, 'bf16')).outputs);
  });

  test('give equal bits again, and with any number of threads but for the sums of filter gradients', async () => {
    const row = replaced[0]!;
    const [once, again, alone, many] = [
      await runCase(row, true, 3),
      await runCase(row, true, 3),
      await runCase(row, true, 1),
      await runCase(row, true, 8),
    ];
    assert.deepEqual(again.outputs, once.outputs);
    for (const { outputs } of [alone, many]) {
      assert.deepEqual([outputs.y, outputs.dx], [once.outputs.y, once.outputs.dx]);
      assert.ok(normError(outputs.dfilter!.data, once.outputs.dfilter!.data) < 1e-5);
    }
  });
});
