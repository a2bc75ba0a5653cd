/** The loss of distillation beside PyTorch’s, and a step with two teachers beside the same loss in float64. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { linearHead } from '../../src/models/head.js';
import { modelEntries } from '../../src/models/modelEntries.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensor } from '../../src/tensor.js';
import { distilled, teacherEntries } from '../../src/train/distillation.js';
import { createLoss, type Learning } from '../../src/train/learning.js';
import { type Network, normalizedEvalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { compileForTest, compute } from '../engine/compute.js';
import { compileForXla, noPlugin } from '../engine/xla/plugin.js';
import { float32, int32, maxError, randomBytes, randomIntegers } from '../numbers.js';

test('The loss and its gradient equal PyTorch’s', async () => {
  // scripts/make-distillation-fixture.py, torch 2.11
  const gradient = [
    0.024709217250347137, -0.008682473562657833, -0.015009799040853977, -0.0010169250890612602, -0.06958669424057007,
    0.09799215942621231, -0.09791865199804306, 0.06951318681240082, 0.376193106174469, -0.3010355234146118,
    -0.026646813377738, -0.04851074144244194,
  ];
  const inputs = {
    logits: float32([3, 4], [0.5, -1.25, 3, 0, 2, 1, -2, 0.5, 60, -80, 7, 0.25]),
    labels: int32([3], [2, 0, 1]),
    first: float32([3, 4], [1, 0, 4, -1, 3, -2, 1, 0, 0.5, 2, -1, 1]),
    second: float32([3, 4], [0, 0, 2, 2, 1, 1, 5, -3, 9, 2, 0, 1]),
  };
  const [weight, temperature] = [0.3, 3];
  const outputs = await compute(inputs, ({ logits, labels, first, second }) => {
    const soften = (values: tf.Tensor) => tf.softmax(tf.div(values, temperature));
    const taught = tf.div(tf.add(soften(first!), soften(second!)), 2) as tf.Tensor2D;
    const hard = createLoss({ name: 'cross_entropy' });
    const { value, grad } = tf.valueAndGrad(given => {
      const { loss } = hard.apply(given as tf.Tensor2D, labels as tf.Tensor1D, {});
      const distillation = { teachers: 2, weight, temperature };
      return distilled(distillation, loss, given as tf.Tensor2D, labels as tf.Tensor1D, taught);
    })(logits!);
    return { loss: value, gradient: grad };
  });
  assert.ok(maxError(outputs.loss!.data, [49.245819091796875]) < 1e-5);
  assert.ok(maxError(outputs.gradient!.data, gradient) < 1e-6);
});

const [batchSize, classes] = [6, 4];
const imageShape = [8, 8, 3] as const;
const network: Network = {
  backbone: resnetCifar({ depth: 8, channels: 3 }),
  head: linearHead(64, classes),
  imageShape,
  mean: [0.5, 0.25, 0.75],
  std: [0.2, 0.1, 0.4],
};
const images = randomBytes('images', [batchSize, ...imageShape]);
const labels = randomIntegers('labels', [batchSize], classes);
const index = [3, 5, 0, 1, 2, 4];

/** The images as the network takes them: λ·x + (1 − λ)·x[index], normalised. */
function mixed(lambda: number): HostTensor {
  const size = 8 * 8 * 3;
  const pixel = (row: number, i: number) =>
    (images.data[row * size + i]! / 255 - network.mean[i % 3]!) / network.std[i % 3]!;
  return float32(
    images.shape,
    Array.from({ length: batchSize * size }, (_, i) => {
      const row = Math.floor(i / size);
      return lambda * pixel(row, i % size) + (1 - lambda) * pixel(index[row]!, i % size);
    }),
  );
}

function softmax(logits: readonly number[], temperature: number): number[] {
  const powers = logits.map(logit => Math.exp(logit / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

describe('A step with two teachers', () => {
  for (const [engine, compile, skip] of [
    ['tensorflow', compileForTest, false],
    ['xla', compileForXla, noPlugin],
  ] as const) {
    for (const lambda of [1, 0.3]) {
      test(`has the loss of both, of images mixed with λ = ${lambda}, and keeps the teachers, on ${engine}`, {
        skip,
      }, async () => {
        const distillation = { teachers: 2, weight: 0.3, temperature: 3 };
        const learning: Learning = {
          loss: createLoss({ name: 'cross_entropy' }),
          optimizer: sgd({ momentum: 0.9, weight_decay: 0 }),
          mixup: lambda < 1,
          // The running statistics normalise the student too, as in an evaluation.
          freeze: { backbone: true, batch_stats: true },
          distillation,
        };
        const initial = (seed: number) => initialState(network, learning, new Int32Array(classes), seed);
        const models = [1, 2].map(seed => modelEntries(initial(seed)));
        const state = { ...initial(0), ...teacherEntries(models) };
        const executable = await compile({
          state,
          programs: {
            train: trainProgram(network, learning, batchSize),
            eval: normalizedEvalProgram(network, batchSize),
          },
        });
        const logitsOf = async () => {
          const { data } = (await executable.run('eval', { images: mixed(lambda) })).logits!;
          return Array.from({ length: batchSize }, (_, row) => [...data.slice(row * classes, (row + 1) * classes)]);
        };
        try {
          const student = await logitsOf();
          const { loss } = await executable.run('train', {
            images,
            labels,
            learning_rate: float32([], [0.1]),
            ...(lambda < 1 && { mixup_lambda: float32([], [lambda]), mixup_index: int32([batchSize], index) }),
          });
          const after = await executable.readState();
          for (const [name, { data }] of Object.entries(teacherEntries(models)))
            assert.deepEqual(after[name]!.data, data, name);
          const taught: number[][][] = [];
          for (const model of models) {
            await executable.writeState(model);
            taught.push((await logitsOf()).map(logits => softmax(logits, 3)));
          }
          const entropies = student.map((logits, row) => {
            const own = softmax(logits, 1).map(p => -Math.log(p));
            const hard = lambda * own[labels.data[row]!]! + (1 - lambda) * own[labels.data[index[row]!]!]!;
            const soft = softmax(logits, 3).map((p, j) => -Math.log(p) * mean(taught.map(of => of[row]![j]!)));
            return 0.7 * hard + 0.3 * 9 * soft.reduce((a, b) => a + b);
          });
          assert.ok(maxError(loss!.data, [mean(entropies)]) < 1e-5, `${loss!.data} ${mean(entropies)}`);
        } finally {
          executable.dispose();
        }
      });
    }
  }
});
