/** gala's own operations of whole layers: what they replace, how near TensorFlow's they are, that they repeat. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Program } from '../../src/engine/program.js';
import { withRunningAverages } from '../../src/engine/tensorflow/fusedOperations.js';
import { withOwnLayers } from '../../src/engine/tensorflow/ownLayers.js';
import type { TracedProgram } from '../../src/engine/trace/ir.js';
import { trace } from '../../src/engine/trace/trace.js';
import { type BatchNormResult, batchNormTrain } from '../../src/engine/trainingKernels.js';
import { backbones } from '../../src/models/backbones.js';
import { linearHead } from '../../src/models/head.js';
import { resnet } from '../../src/models/resnet.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { normError, randomTensor } from '../numbers.js';
import { describeUnless } from '../shared.js';
import { specsOf } from './compute.js';
import { lacking, run } from './ownOperations.js';

type Shape = readonly [number, number, number, number];
type Activate = (normalised: BatchNormResult, shortcut: tf.Tensor4D) => tf.Tensor;

interface Case {
  readonly what: string;
  readonly shape: Shape;
  readonly activate: Activate;
}

/** Without scale and offset. */
const normalised = (x: tf.Tensor4D) => batchNormTrain(x, tf.ones([x.shape[3]]), tf.zeros([x.shape[3]]), 1e-5).y;
const relu: Activate = ({ y }) => tf.relu(y);
const added: Activate = ({ y }, shortcut) => tf.relu(tf.add(y, shortcut));

const replaced: readonly Case[] = [
  { what: 'ReLU after it', shape: [8, 16, 16, 16], activate: relu },
  { what: 'a shortcut and ReLU', shape: [8, 16, 16, 32], activate: added },
  { what: 'the shortcut first', shape: [4, 8, 8, 64], activate: ({ y }, shortcut) => tf.relu(tf.add(shortcut, y)) },
  { what: 'sizes that nothing divides', shape: [3, 7, 5, 48], activate: added },
  { what: 'a last piece that ends inside a period', shape: [5, 9, 9, 48], activate: relu },
  {
    what: 'a sum of two batch normalisations',
    shape: [4, 8, 8, 16],
    activate: ({ y }, s) => tf.relu(tf.add(y, normalised(s))),
  },
  { what: 'a use of the mean after ReLU', shape: [4, 8, 8, 16], activate: ({ y, mean }) => tf.mul(tf.relu(y), mean) },
  { what: 'many channels', shape: [2, 3, 3, 2048], activate: added },
  { what: 'few values', shape: [1, 2, 3, 16], activate: relu },
];
const left: readonly Case[] = [
  { what: 'no ReLU', shape: [4, 8, 8, 16], activate: ({ y }) => y },
  { what: 'another activation', shape: [4, 8, 8, 16], activate: ({ y }) => tf.softplus(y) },
  { what: 'another use of the images', shape: [4, 8, 8, 16], activate: ({ y }) => tf.add(tf.relu(y), y) },
  {
    what: 'another use of the sum',
    shape: [4, 8, 8, 16],
    activate: ({ y }, s) => tf.mul(tf.relu(tf.add(y, s)), tf.add(y, s)),
  },
  { what: 'the images added to themselves', shape: [4, 8, 8, 16], activate: ({ y }) => tf.relu(tf.add(y, y)) },
  {
    what: 'one shortcut for all images',
    shape: [4, 8, 8, 16],
    activate: ({ y }, s) => tf.relu(tf.add(y, s.slice(0, 1))),
  },
  {
    what: 'a use of the mean before ReLU',
    shape: [4, 8, 8, 16],
    activate: ({ y, mean }, s) => tf.relu(tf.add(y, tf.mul(s, mean))),
  },
  { what: 'channels that 16 does not divide', shape: [4, 8, 8, 24], activate: relu },
];

/** The activations, the statistics of the batch, and the gradients of Σ activations² + Σ shortcut. */
function programOf({ what, shape, activate }: Case, mean = 0): { program: Program; inputs: HostTensors } {
  const channels = [shape[3]];
  const inputs = {
    x: randomTensor(what, shape, mean - 1, mean + 1),
    scale: randomTensor('scale', channels, 0.5, 1.5),
    offset: randomTensor('offset', channels),
    shortcut: randomTensor('shortcut', shape),
  };
  const apply: Program['apply'] = (_, { x, scale, offset, shortcut }) => {
    let kept: Record<string, tf.Tensor> = {};
    const gradients = tf.grads((image, factor, term, added) => {
      const normalised = batchNormTrain(image as tf.Tensor4D, factor as tf.Tensor1D, term as tf.Tensor1D, 1e-5);
      const y = activate(normalised, added as tf.Tensor4D);
      kept = { y, mean: normalised.mean, variance: normalised.variance };
      for (const tensor of Object.values(kept)) tf.keep(tensor);
      return tf.add(tf.sum(tf.square(y)), tf.sum(added!)); // all cases have a gradient of the shortcut
    });
    const [dx, dscale, doffset, dshortcut] = gradients([x!, scale!, offset!, shortcut!]);
    return { state: {}, outputs: { ...kept, dx: dx!, dscale: dscale!, doffset: doffset!, dshortcut: dshortcut! } };
  };
  return { program: { inputs: specsOf(inputs), apply }, inputs };
}

/** Batch normalisation and ReLU. */
function inFloat64(inputs: HostTensors): Float64Array {
  const [x, scale, offset] = [inputs.x!, inputs.scale!, inputs.offset!].map(({ data }) => data);
  const channels = scale!.length;
  const y = Float64Array.from(x!);
  for (let channel = 0; channel < channels; channel++) {
    const places = Array.from({ length: y.length / channels }, (_, pixel) => pixel * channels + channel);
    const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const mean = average(places.map(i => x![i]!));
    const variance = average(places.map(i => (x![i]! - mean) ** 2));
    const normalised = (i: number) => ((x![i]! - mean) / Math.sqrt(variance + 1e-5)) * scale![channel]!;
    for (const i of places) y[i] = Math.max(0, normalised(i) + offset![channel]!);
  }
  return y;
}

describeUnless(lacking, 'gala’s own batch normalisation', () => {
  for (const row of replaced) {
    test(`computes ${row.what} and the gradients, within 1e-5 of TensorFlow’s`, async () => {
      const { program, inputs } = programOf(row);
      const own = (await run(program, inputs, { own: true })).outputs;
      const theirs = (await run(program, inputs, { own: false })).outputs;
      for (const [name, { shape, data }] of Object.entries(own)) {
        const expected = theirs[name]!;
        assert.deepEqual(shape, expected.shape);
        assert.ok(normError(data, expected.data) < 1e-5, `${name}: ${normError(data, expected.data)}`);
      }
    });
  }

  test('differs from float64 by less than 2e-5 of its norm at a mean of 300 standard deviations', async () => {
    const { program, inputs } = programOf(replaced[0]!, 170);
    const { y } = (await run(program, inputs, { own: true })).outputs;
    assert.ok(normError(y!.data, inFloat64(inputs)) < 2e-5);
  });

  for (const row of left) {
    test(`leaves ${row.what} to TensorFlow`, async () => {
      const { program, inputs } = programOf(row);
      const [own, theirs] = [await run(program, inputs, { own: true }), await run(program, inputs, { own: false })];
      assert.deepEqual(own.outputs, theirs.outputs);
    });
  }

  test('moves running averages as TensorFlow does', async () => {
    const { program, inputs } = programOf(replaced[0]!);
    const averages = { running_mean: randomTensor('mean', [16]), running_var: randomTensor('variance', [16], 0, 1) };
    const withAverages: Program = {
      inputs: program.inputs,
      apply: (state, given) => {
        const { outputs } = program.apply({}, given);
        const moved = (running: tf.Tensor, batch: tf.Tensor) => tf.add(tf.mul(running, 0.9), tf.mul(batch, 0.1));
        const running_mean = moved(state.running_mean!, outputs.mean!);
        return {
          state: { running_mean, running_var: moved(state.running_var!, outputs.variance!) },
          outputs: { y: outputs.y! },
        };
      },
    };
    const [own, theirs] = [
      await run(withAverages, inputs, { own: true }, averages),
      await run(withAverages, inputs, { own: false }, averages),
    ];
    for (const name of ['running_mean', 'running_var']) {
      assert.ok(normError(own.state[name]!.data, theirs.state[name]!.data) < 1e-6, name);
      assert.ok(normError(own.state[name]!.data, averages[name as keyof typeof averages].data) > 1e-3, name);
    }
  });

  test('gives equal bits again, and with any number of threads', async () => {
    const { program, inputs } = programOf(replaced[1]!);
    const once = await run(program, inputs, { own: true, threads: 3 });
    for (const threads of [3, 1, 8]) {
      assert.deepEqual((await run(program, inputs, { own: true, threads })).outputs, once.outputs);
    }
  });
});

interface InferenceCase {
  readonly what: string;
  readonly filter: Shape;
  readonly activate: (normalised: tf.Tensor, convolved: tf.Tensor, shortcut: tf.Tensor) => tf.Tensor;
}
const convolved: readonly InferenceCase[] = [
  { what: 'ReLU', filter: [3, 3, 16, 32], activate: y => tf.relu(y) },
  { what: 'a shortcut and ReLU', filter: [3, 3, 16, 32], activate: (y, _, shortcut) => tf.relu(tf.add(shortcut, y)) },
];
const apart: readonly InferenceCase[] = [
  { what: 'no ReLU', filter: [3, 3, 16, 32], activate: y => y },
  { what: 'another use of the convolution', filter: [3, 3, 16, 32], activate: (y, x) => tf.add(tf.relu(y), x) },
  { what: 'another use of the images', filter: [3, 3, 16, 32], activate: y => tf.add(tf.relu(y), y) },
  { what: '1 × 1', filter: [1, 1, 16, 32], activate: y => tf.relu(y) },
];

/** Convolution, batch normalisation by running averages, activation. */
function inferenceOf({ filter, activate }: InferenceCase): { program: Program; inputs: HostTensors } {
  const channels = [filter[3]];
  const inputs = {
    x: randomTensor('x', [2, 7, 10, 16]),
    filter: randomTensor('filter', filter),
    mean: randomTensor('mean', channels),
    variance: randomTensor('variance', channels, 0.5, 1.5),
    offset: randomTensor('offset', channels),
    scale: randomTensor('scale', channels, 0.5, 1.5),
    shortcut: randomTensor('shortcut', [2, 7, 10, 32]),
  };
  const apply: Program['apply'] = (_, { x, filter, mean, variance, offset, scale, shortcut }) => {
    const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
    const normalised = tf.batchNorm(
      y,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      1e-5,
    );
    return { state: {}, outputs: { y: activate(normalised, y, shortcut!) } };
  };
  return { program: { inputs: specsOf(inputs), apply }, inputs };
}

/** How often a program has the kernels of layers that can be gala's. */
function countsOf(program: TracedProgram): Record<string, number> {
  const ofLayers = program.nodes.filter(({ kernel }) => /BatchNorm|^Convolution|Relu/.test(kernel));
  return Object.fromEntries(
    ofLayers.map(({ kernel }) => [kernel, ofLayers.filter(node => node.kernel === kernel).length]),
  );
}

describeUnless(lacking, 'gala’s own convolution with batch normalisation by running averages', () => {
  for (const row of convolved) {
    test(`computes ${row.what}, within 1e-5 of TensorFlow’s`, async () => {
      const { program, inputs } = inferenceOf(row);
      assert.equal(countsOf(withOwnLayers(trace(program, {}))).ConvolutionRelu, 1);
      const own = (await run(program, inputs, { own: true })).outputs.y!;
      const theirs = (await run(program, inputs, { own: false })).outputs.y!;
      assert.deepEqual(own.shape, theirs.shape);
      assert.ok(normError(own.data, theirs.data) < 1e-5, String(normError(own.data, theirs.data)));
    });
  }

  for (const row of apart) {
    test(`has no part in ${row.what}`, () => {
      assert.equal(countsOf(withOwnLayers(trace(inferenceOf(row).program, {}))).ConvolutionRelu, undefined);
    });
  }
});

describe('The input gradient of a convolution', () => {
  for (const [images, count] of [
    [1, 1],
    [3, undefined],
  ] as const) {
    test(`of an image is ${count ? '' : 'not '}added to ${images}`, () => {
      const program: Program = {
        inputs: specsOf({ x: randomTensor('x', [1, 8, 8, 16]), added: randomTensor('added', [images, 8, 8, 16]) }),
        apply: (_, { x, added }) => {
          const filter = tf.ones([3, 3, 16, 16]) as tf.Tensor4D;
          const convolve = (image: tf.Tensor) => tf.sum(tf.square(tf.conv2d(image as tf.Tensor4D, filter, 1, 'same')));
          return { state: {}, outputs: { y: tf.add(tf.grad(convolve)(x!), added!) } };
        },
      };
      assert.equal(countsOf(withOwnLayers(trace(program, {}))).ConvolutionInputGradientSum, count);
    });
  }
});

describe('Of the layers of', () => {
  const learning = { loss: createLoss({ name: 'cross_entropy' }), optimizer: sgd({ momentum: 0.9, weight_decay: 0 }) };
  const networks = [
    // the first convolution and two with strides are TensorFlow's
    {
      what: 'ResNet-20',
      backbone: resnetCifar({ depth: 20, channels: 3 }),
      features: 64,
      train: { BatchNormRelu: 19, BatchNormReluGrad: 10, BatchNormSumReluGrad: 9, ConvolutionInputGradientSum: 7 },
      infer: { ConvolutionRelu: 16, FusedBatchNorm: 3, Relu: 3 },
    },
    // the shortcuts of the four stages have no ReLU of their own; of the 3 × 3 convolutions six have few channels
    {
      what: 'ResNet-50',
      backbone: resnet({ ...backbones.resnet50, channels: 3 }),
      features: 2048,
      train: {
        BatchNormRelu: 49,
        BatchNormReluGrad: 33,
        BatchNormSumReluGrad: 16,
        BatchNormTrain: 4,
        BatchNormTrainGrad: 4,
      },
      infer: { ConvolutionRelu: 6, FusedBatchNorm: 47, Relu: 43 },
    },
  ];
  for (const { what, backbone, features, train, infer } of networks) {
    const network = {
      backbone,
      head: linearHead(features, 10),
      imageShape: [64, 64, 3] as const,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    };
    const state = initialState(network, learning, new Int32Array(10), 0);

    for (const [how, options] of [
      ['training', {}],
      ['training with averaged weights', { emaDecay: 0.9 }],
      ['training with two micro-batches', { accumulate: 2 }],
    ] as const) {
      test(`${what} gala computes these in ${how}`, () => {
        const given = { ...learning, ...options };
        const start = initialState(network, given, new Int32Array(10), 0);
        const step = withOwnLayers(withRunningAverages(trace(trainProgram(network, given, 2), start)));
        assert.deepEqual(countsOf(step), train);
      });
    }

    test(`${what} gala computes these in inference`, () => {
      assert.deepEqual(countsOf(withOwnLayers(trace(evalProgram(network, 2), state))), infer);
    });
  }
});
