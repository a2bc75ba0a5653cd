/** Several devices that share each batch (the CPU plugin has four) give what one device gives for the same batch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { EngineError } from '../../../src/errors.js';
import { linearHead } from '../../../src/models/head.js';
import { resnetCifar } from '../../../src/models/resnetCifar.js';
import type { HostTensors } from '../../../src/tensor.js';
import { evalProgram } from '../../../src/train/network.js';
import { initialState } from '../../../src/train/state.js';
import { trainProgram } from '../../../src/train/step.js';
import { float32, maxError, normError, randomBytes, randomIntegers } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { learning } from '../trainingSteps.js';
import { compileForXla, noPlugin } from './plugin.js';

const classes = 10;
const batchSize = 8;
const steps = 2;
const batches: HostTensors = {
  images: randomBytes('images', [steps, batchSize, 16, 16, 3]),
  labels: randomIntegers('labels', [steps, batchSize], classes),
  learning_rate: float32([steps], [0.05, 0.05]),
};

// Softplus has no kink: what differs is rounding.
const softplus = (x: tf.Tensor4D) => tf.softplus(x);

/**
 * Losses of two steps in one call, the state after them and after the first, and logits of a batch of 6, which four
 * devices cannot split.
 */
async function train(devices: number, batchNormParts: number) {
  const network = {
    backbone: resnetCifar({ depth: 8, channels: 3, activation: softplus, batchNormParts }),
    head: linearHead(64, classes),
    imageShape: [16, 16, 3] as const,
    mean: [0.49, 0.48, 0.45],
    std: [0.2, 0.2, 0.2],
  };
  const start = initialState(network, learning, new Int32Array(classes), 0);
  const programs = { train: trainProgram(network, learning, batchSize), eval: evalProgram(network, 6) };
  const executable = await compileForXla({ state: start, programs }, 'fp32', devices);
  try {
    assert.equal(executable.info.devices ?? 1, devices);
    const first = Object.entries(batches).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape: shape.slice(1), data: data.slice(0, data.length / steps) },
    ]);
    await executable.run('train', Object.fromEntries(first));
    const gradients = momentaOf(await executable.readState());
    await executable.writeState(start);
    const staged = await executable.stage('train', batches);
    const { loss } = await staged.run();
    staged.dispose();
    const images = randomBytes('six images', [6, 16, 16, 3]);
    const { logits } = await executable.run('eval', { images });
    return { gradients, losses: loss!.data, state: await executable.readState(), logits: logits!.data };
  } finally {
    executable.dispose();
  }
}

/** The first momenta are the gradients. */
const momentaOf = (state: HostTensors) =>
  Float64Array.from(
    Object.keys(state)
      .filter(name => name.startsWith('momentum.'))
      .flatMap(name => Array.from(state[name]!.data)),
  );

describeUnless(noPlugin, 'Four devices', () => {
  for (const [what, parts] of [
    ['statistics of the batch', 1],
    ['statistics of four parts', 4],
  ] as const) {
    test(`give the gradients and the state of one device to 1e-4, with ${what}`, async context => {
      const one = await train(1, parts);
      const four = await train(4, parts);
      const errors: Record<string, number> = {
        gradients: normError(four.gradients, one.gradients),
        losses: maxError(four.losses, one.losses),
        logits: maxError(four.logits, one.logits),
      };
      for (const name of [
        'backbone.bn1.running_mean',
        'backbone.bn1.running_var',
        'loss.theta',
        'loss.nu',
        'gradient.negative',
      ]) {
        errors[name] = normError(four.state[name]!.data, one.state[name]!.data);
      }
      context.diagnostic(JSON.stringify(errors));
      assert.deepEqual(Object.keys(four.state), Object.keys(one.state));
      for (const [name, error] of Object.entries(errors)) assert.ok(error <= 1e-4, `${name}: ${error}`);
    });
  }

  test('are refused where the plugin has fewer', async () => {
    const request = { state: {}, programs: {} };
    await assert.rejects(
      compileForXla(request, 'fp32', 400),
      (error: unknown) =>
        error instanceof EngineError && /400 devices are asked for and .* has \d+\.$/.test(error.message),
    );
  });
});
