/**
 * Whole training steps on the `xla` engine's CPU plugin beside the `tensorflow` engine and the oracle, from the same
 * state and batches.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { describeUnless } from '../../shared.js';
import { compileForTest } from '../compute.js';
import { compileForEager, noAddon } from '../eager/addon.js';
import { networkOf, startOf, stepErrors, train } from '../trainingSteps.js';
import { compileForXla, noPlugin } from './plugin.js';

const references = [
  ['tensorflow', compileForTest, false],
  ['eager', compileForEager, noAddon],
] as const;

describeUnless(noPlugin, 'A step of ResNet-32 on the xla engine', () => {
  for (const [what, activation, tolerance] of [
    ['ReLU', (x: tf.Tensor4D) => tf.relu(x), 1e-2],
    ['softplus', (x: tf.Tensor4D) => tf.softplus(x), 1e-4],
  ] as const) {
    describe(`with ${what} gives the loss, momenta and state to ${tolerance} of`, () => {
      const network = networkOf(32, activation);
      const start = startOf(network);
      let actual: Awaited<ReturnType<typeof train>>;
      before(async () => {
        actual = await train(compileForXla, network, start, [0, 1]);
      });
      for (const [engine, compile, skip] of references) {
        test(`the ${engine} engine`, { skip }, async context => {
          const expected = await train(compile, network, start, [0, 1]);
          const errors = stepErrors(actual, expected);
          context.diagnostic(JSON.stringify(errors));
          assert.deepEqual(Object.keys(actual.state).sort(), Object.keys(expected.state).sort());
          assert.ok(
            errors.loss <= 1e-4 && errors.momenta <= tolerance && errors.state <= tolerance,
            JSON.stringify(errors),
          );
        });
      }
    });
  }
});

test('Four steps of ResNet-8 on the xla engine are the same to the bit when they stop after two', {
  skip: noPlugin,
}, async () => {
  const network = networkOf(8, x => tf.relu(x));
  const start = startOf(network);
  const whole = await train(compileForXla, network, start, [0, 4]);
  const first = await train(compileForXla, network, start, [0, 2]);
  const second = await train(compileForXla, network, first.state, [2, 4]);
  assert.deepEqual([...first.losses, ...second.losses], whole.losses);
  assert.deepEqual(second.state, whole.state);
});
