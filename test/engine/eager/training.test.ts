/** Whole training steps of the `eager` engine, the oracle: the compiled ones must give what it gives (xla: ../xla). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { describeUnless } from '../../shared.js';
import { compileForTest } from '../compute.js';
import { networkOf, startOf, stepErrors, train } from '../trainingSteps.js';
import { compileForEager, noAddon } from './addon.js';

describeUnless(noAddon, 'A step of ResNet-32 on the tensorflow engine', () => {
  for (const [what, activation, tolerance] of [
    ['ReLU', (x: tf.Tensor4D) => tf.relu(x), 1e-2],
    ['softplus', (x: tf.Tensor4D) => tf.softplus(x), 1e-4],
  ] as const) {
    test(`with ${what} gives the loss, momenta and state of the eager engine to ${tolerance}`, async context => {
      const network = networkOf(32, activation);
      const start = startOf(network);
      const expected = await train(compileForEager, network, start, [0, 1]);
      const errors = stepErrors(await train(compileForTest, network, start, [0, 1]), expected);
      context.diagnostic(JSON.stringify(errors));
      assert.ok(
        errors.loss <= 1e-4 && errors.momenta <= tolerance && errors.state <= tolerance,
        JSON.stringify(errors),
      );
    });
  }
});

test('Four steps of ResNet-8 on the eager engine are the same to the bit when they stop after two', {
  skip: noAddon,
}, async () => {
  const network = networkOf(8, x => tf.relu(x));
  const start = startOf(network);
  const whole = await train(compileForEager, network, start, [0, 4]);
  const first = await train(compileForEager, network, start, [0, 2]);
  const second = await train(compileForEager, network, first.state, [2, 4]);
  assert.deepEqual([...first.losses, ...second.losses], whole.losses);
  assert.deepEqual(second.state, whole.state);
});
