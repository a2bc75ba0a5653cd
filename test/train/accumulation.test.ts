/** A step in micro-batches beside the step of the whole batch: equal but for what batch normalisation sees. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Backbone } from '../../src/models/backbone.js';
import { linearHead } from '../../src/models/head.js';
import { convolution } from '../../src/models/layers.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { adamw, sgd } from '../../src/optim/optimizers.js';
import type { HostTensor, HostTensors } from '../../src/tensor.js';
import type { Learning } from '../../src/train/learning.js';
import { createLoss } from '../../src/train/learning.js';
import type { Network } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { compileForTest } from '../engine/compute.js';
import { factorsOf } from '../engine/trainingSteps.js';
import { compileForXla, noPlugin } from '../engine/xla/plugin.js';
import { float32, int32, maxError, randomBytes, randomIntegers, randomTensor } from '../numbers.js';

const [batchSize, accumulate, classes] = [12, 3, 5];
const rows = batchSize / accumulate;
const imageShape = [8, 8, 3] as const;

/** A convolution and a mean: no batch statistics. */
const plain: Backbone = {
  featureSize: 6,
  init: () => ({ parameters: { filter: randomTensor('filter', [3, 3, 3, 6]) }, statistics: {} }),
  apply: ({ filter }, _, images) => ({
    features: tf.mean(tf.softplus(convolution(images, filter!, 1)), [1, 2]) as tf.Tensor2D,
    statistics: {},
  }),
};
const networkOf = (backbone: Backbone): Network => ({
  backbone,
  head: linearHead(backbone.featureSize, classes),
  imageShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
});
const optimizer = sgd({ momentum: 0.9, weight_decay: 5e-4 });
const galaLoss = createLoss(
  { name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'paper', accumulation: 'released' },
  1,
);

interface Batch {
  readonly images: HostTensor;
  readonly labels: HostTensor;
  /** Inputs of mixup, for the micro-batches one after the other. */
  readonly index?: HostTensor;
}

/** Losses and state after whole steps, in `count` micro-batches each. */
async function trained(
  network: Network,
  learning: Learning,
  batches: readonly Batch[],
  count: number,
  compile: typeof compileForTest = compileForTest,
) {
  const accumulating = { ...learning, accumulate: count };
  const state = initialState(network, accumulating, new Int32Array(classes), 0, batchSize);
  const executable = await compile({ state, programs: { train: trainProgram(network, accumulating, batchSize) } });
  const size = batchSize / count;
  const part = ({ dtype, shape, data }: HostTensor, micro: number): HostTensor => {
    const row = data.length / batchSize;
    return { dtype, shape: [size, ...shape.slice(1)], data: data.slice(micro * size * row, (micro + 1) * size * row) };
  };
  const losses: number[] = [];
  try {
    for (const [step, { images, labels, index }] of batches.entries()) {
      for (let micro = 0; micro < count; micro++) {
        // Partners are named by their place in the batch that they are given in
        const partners = index && part(index, micro);
        const { loss } = await executable.run('train', {
          images: part(images, micro),
          labels: part(labels, micro),
          learning_rate: float32([], [0.1]),
          ...factorsOf(learning.optimizer, step + 1),
          ...(count > 1 && { last: int32([], [Number(micro === count - 1)]) }),
          ...(partners && {
            mixup_lambda: float32([], [0.3]),
            mixup_index: int32(
              partners.shape,
              Array.from(partners.data, i => i - micro * size),
            ),
          }),
        });
        if (micro === count - 1) losses.push(loss!.data[0]!);
      }
    }
    return { losses, state: await executable.readState() };
  } finally {
    executable.dispose();
  }
}

const batchesOf = (steps: number): Batch[] =>
  Array.from({ length: steps }, (_, step) => ({
    images: randomBytes(`images ${step}`, [batchSize, ...imageShape]),
    labels: randomIntegers(`labels ${step}`, [batchSize], classes),
  }));
/** Each with its neighbour, within the micro-batches. */
const neighbours = int32(
  [batchSize],
  Array.from({ length: batchSize }, (_, i) => i ^ 1),
);

function assertEqual(actual: HostTensors, expected: HostTensors, tolerance: number, among = /^/): void {
  const names = Object.keys(expected).filter(name => among.test(name));
  assert.ok(names.length > 0);
  for (const name of names) {
    const error = maxError(actual[name]!.data, expected[name]!.data);
    assert.ok(error <= tolerance, `${name}: ${error}`);
  }
}

describe('Three steps in three micro-batches each equal those of whole batches without batch normalisation', () => {
  const network = networkOf(plain);
  for (const [engine, compile, skip] of [
    ['tensorflow', compileForTest, false],
    ['xla', compileForXla, noPlugin],
  ] as const) {
    test(`on ${engine}: weights, momenta, statistics of GALA, gradient record and losses, to 1e-5`, {
      skip,
    }, async () => {
      const learning = { loss: galaLoss, optimizer };
      const whole = await trained(network, learning, batchesOf(3), 1, compile);
      const micro = await trained(network, learning, batchesOf(3), accumulate, compile);
      assert.ok(maxError(micro.losses, whole.losses) <= 1e-5, `${micro.losses} ${whole.losses}`);
      assertEqual(micro.state, whole.state, 1e-5);
    });
  }

  test('with AdamW, whose moments are of the whole batch', async () => {
    const learning = { loss: galaLoss, optimizer: adamw({ beta1: 0.9, beta2: 0.999, weight_decay: 0.01 }) };
    const whole = await trained(network, learning, batchesOf(3), 1);
    const micro = await trained(network, learning, batchesOf(3), accumulate);
    assert.ok(maxError(micro.losses, whole.losses) <= 1e-5, `${micro.losses} ${whole.losses}`);
    assertEqual(micro.state, whole.state, 1e-4);
  });

  test('with mixup, partners being of the same micro-batch, and teachers', async () => {
    const distillation = { teachers: 2, weight: 0.4, temperature: 3 };
    const learning = { loss: galaLoss, optimizer, mixup: true, distillation };
    const batches = batchesOf(3).map(batch => ({ ...batch, index: neighbours }));
    const whole = await trained(network, learning, batches, 1);
    const micro = await trained(network, learning, batches, accumulate);
    assert.ok(maxError(micro.losses, whole.losses) <= 1e-5);
    assertEqual(micro.state, whole.state, 1e-5);
  });

  test('and a step leaves sums of zero behind', async () => {
    const { state } = await trained(network, { loss: galaLoss, optimizer }, batchesOf(1), accumulate);
    const sums = Object.keys(state).filter(name => name.startsWith('accumulated.sum.'));
    assert.deepEqual(
      sums.sort(),
      ['backbone.filter', 'classifier.bias', 'classifier.weight'].map(name => `accumulated.sum.${name}`),
    );
    for (const name of sums) assert.ok(state[name]!.data.every(value => value === 0));
  });

  test('A micro-batch before the last changes no weight', async () => {
    const accumulating = { loss: galaLoss, optimizer, accumulate };
    const state = initialState(network, accumulating, new Int32Array(classes), 0, batchSize);
    const executable = await compileForTest({
      state,
      programs: { train: trainProgram(network, accumulating, batchSize) },
    });
    const [batch] = batchesOf(1);
    await executable.run('train', {
      images: { ...batch!.images, shape: [rows, ...imageShape], data: batch!.images.data.slice(0, rows * 192) },
      labels: { ...batch!.labels, shape: [rows], data: batch!.labels.data.slice(0, rows) },
      learning_rate: float32([], [0.1]),
      last: int32([], [0]),
    });
    const after = await executable.readState();
    executable.dispose();
    for (const name of Object.keys(state).filter(entry => !entry.startsWith('accumulated.')))
      assert.deepEqual(after[name]!.data, state[name]!.data, name);
    assert.ok(after['accumulated.sum.backbone.filter']!.data.some(value => value !== 0));
  });
});

test(
  'With batch normalisation a step equals that of the whole batch where every micro-batch has the same ' +
    'images, running variances apart',
  async () => {
    const network = networkOf(resnetCifar({ depth: 8, channels: 3, activation: x => tf.softplus(x) }));
    const one = randomBytes('micro-batch', [rows, ...imageShape]);
    const batch: Batch = {
      images: {
        ...one,
        shape: [batchSize, ...imageShape],
        data: Uint8Array.from([...one.data, ...one.data, ...one.data]),
      },
      labels: randomIntegers('labels', [batchSize], classes),
    };
    const learning = { loss: galaLoss, optimizer };
    const whole = await trained(network, learning, [batch], 1);
    const micro = await trained(network, learning, [batch], accumulate);
    assert.ok(maxError(micro.losses, whole.losses) <= 1e-5);
    assertEqual(micro.state, whole.state, 1e-4, /^(backbone\.(?!.*running_)|classifier|momentum|loss|gradient)/);
    // Three moves of 0.1 towards the same mean instead of one
    const name = 'backbone.bn1.running_mean';
    const expected = whole.state[name]!.data.map(value => (value / 0.1) * (1 - 0.9 ** 3));
    assert.ok(maxError(micro.state[name]!.data, expected) <= 1e-5);
  },
);
