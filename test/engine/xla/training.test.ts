/** Whole training steps on the `xla` engine's CPU plugin beside the `tensorflow` engine, from the same state and batches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { HostTensors } from '../../../src/engine/program.js';
import { gala } from '../../../src/losses/gala.js';
import { linearHead } from '../../../src/models/head.js';
import { resnetCifar } from '../../../src/models/resnetCifar.js';
import { sgd } from '../../../src/optim/sgd.js';
import { initialState, trainProgram } from '../../../src/train/step.js';
import { float32, maxError, normError, randomBytes, randomIntegers } from '../../numbers.js';
import { compileForTest } from '../compute.js';
import { compileForXla, noPlugin } from './plugin.js';

const batchSize = 8;
const classes = 10;
const learning = {
  loss: gala({ lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const networkOf = (depth: number, activation: (x: tf.Tensor4D) => tf.Tensor4D) => ({
  backbone: resnetCifar({ depth, channels: 3, activation }),
  head: linearHead(64, classes),
  imageShape: [32, 32, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
});

/** Losses of the steps `from`…`to` − 1 after `state`, and the state after them. */
async function train(
  compile: typeof compileForXla,
  network: ReturnType<typeof networkOf>,
  state: HostTensors,
  [from, to]: readonly [number, number],
) {
  const executable = await compile({ state, programs: { train: trainProgram(network, learning, batchSize) } });
  const losses: number[] = [];
  try {
    for (let step = from; step < to; step++) {
      const outputs = await executable.run('train', {
        images: randomBytes(`images of step ${step}`, [batchSize, 32, 32, 3]),
        labels: randomIntegers(`labels of step ${step}`, [batchSize], classes),
        learning_rate: float32([], [0.05]),
      });
      losses.push(outputs.loss!.data[0]!);
    }
    return { losses, state: await executable.readState() };
  } finally {
    executable.dispose();
  }
}

/** All entries whose name the filter takes, one after the other. */
const joined = (state: HostTensors, taken: (name: string) => boolean) =>
  Float64Array.from(
    Object.keys(state)
      .filter(taken)
      .sort()
      .flatMap(name => Array.from(state[name]!.data)),
  );

describe('A step of ResNet-32 on the xla engine', { skip: noPlugin }, () => {
  for (const [what, activation, tolerance] of [
    ['ReLU', (x: tf.Tensor4D) => tf.relu(x), 1e-2],
    ['softplus', (x: tf.Tensor4D) => tf.softplus(x), 1e-4],
  ] as const) {
    test(`with ${what} gives the loss, momenta and state of the tensorflow engine to ${tolerance}`, async context => {
      const network = networkOf(32, activation);
      const start = initialState(network, learning, new Int32Array(classes), 0);
      const expected = await train(compileForTest, network, start, [0, 1]);
      const actual = await train(compileForXla, network, start, [0, 1]);
      // The first momenta are the gradients, with the weight decay that both add alike
      const isMomentum = (name: string) => name.startsWith('momentum.');
      const errors = {
        loss: maxError(actual.losses, expected.losses),
        momenta: normError(joined(actual.state, isMomentum), joined(expected.state, isMomentum)),
        state: normError(
          joined(actual.state, name => !isMomentum(name)),
          joined(expected.state, name => !isMomentum(name)),
        ),
      };
      context.diagnostic(JSON.stringify(errors));
      assert.deepEqual(Object.keys(actual.state).sort(), Object.keys(expected.state).sort());
      assert.ok(
        errors.loss <= 1e-4 && errors.momenta <= tolerance && errors.state <= tolerance,
        JSON.stringify(errors),
      );
    });
  }
});

test('Four steps of ResNet-8 on the xla engine are the same to the bit when they stop after two', {
  skip: noPlugin,
}, async () => {
  const network = networkOf(8, x => tf.relu(x));
  const start = initialState(network, learning, new Int32Array(classes), 0);
  const whole = await train(compileForXla, network, start, [0, 4]);
  const first = await train(compileForXla, network, start, [0, 2]);
  const second = await train(compileForXla, network, first.state, [2, 4]);
  assert.deepEqual([...first.losses, ...second.losses], whole.losses);
  assert.deepEqual(second.state, whole.state);
});
