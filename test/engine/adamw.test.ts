/** Training steps with AdamW on every engine: the same to rounding, and to the bit when they stop between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { adamw } from '../../src/optim/optimizers.js';
import type { Learning } from '../../src/train/learning.js';
import { compileForTest } from './compute.js';
import { compileForEager, noAddon } from './eager/addon.js';
import { learning, networkOf, startOf, stepErrors, train } from './trainingSteps.js';
import { compileForXla, noPlugin } from './xla/plugin.js';

const by: Learning = { ...learning, optimizer: adamw({ beta1: 0.9, beta2: 0.999, weight_decay: 0.01 }) };
const network = networkOf(8, x => tf.softplus(x));
const start = startOf(network, by);

for (const [engine, compile, skip] of [
  ['tensorflow', compileForTest, false],
  ['xla', compileForXla, noPlugin],
  ['eager', compileForEager, noAddon],
] as const) {
  test(`Three steps on ${engine} stop after one and go on to the same bits, and agree with tensorflow`, {
    skip,
  }, async context => {
    const whole = await train(compile, network, start, [0, 3], by);
    const first = await train(compile, network, start, [0, 1], by);
    const rest = await train(compile, network, first.state, [1, 3], by);
    assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
    assert.deepEqual(rest.state, whole.state);
    const errors = stepErrors(first, await train(compileForTest, network, start, [0, 1], by));
    context.diagnostic(JSON.stringify(errors));
    assert.ok(errors.loss <= 1e-4 && errors.momenta <= 1e-4, JSON.stringify(errors));
  });
}

test('Four devices that share the batch step as one does', { skip: noPlugin }, async context => {
  const one = await train(compileForXla, network, start, [0, 2], by);
  const four = await train(request => compileForXla(request, 'fp32', 4), network, start, [0, 2], by);
  const errors = stepErrors(four, one);
  context.diagnostic(JSON.stringify(errors));
  assert.ok(errors.loss <= 1e-4 && errors.momenta <= 1e-3, JSON.stringify(errors));
});
