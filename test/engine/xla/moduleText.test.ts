/** The text that the xla engine gives to XLA: small whatever the batch, and without what XLA for GPUs makes slow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../../src/engine/program.js';
import { lower } from '../../../src/engine/stablehlo/lower.js';
import { withBf16Convolutions } from '../../../src/engine/trace/mixedPrecision.js';
import { trace } from '../../../src/engine/trace/trace.js';
import { linearHead } from '../../../src/models/head.js';
import { resnet } from '../../../src/models/resnet.js';
import { sgd } from '../../../src/optim/optimizers.js';
import { createLoss } from '../../../src/train/learning.js';
import { initialState } from '../../../src/train/state.js';
import { trainProgram } from '../../../src/train/step.js';

const options = { precision: 'fp32', devices: 1 } as const;

const network = {
  backbone: resnet({ block: 'basic', depths: [1, 1, 1, 1], channels: 3 }),
  head: linearHead(512, 1000),
  imageShape: [224, 224, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
};
const learning = {
  loss: createLoss({ name: 'gala', variant: 'released', accumulation: 'released', lambda1: 1, lambda2: 1 }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const state = initialState(network, learning, new Int32Array(1000).fill(1), 0);

function stepText(batch: number): string {
  const traced = withBf16Convolutions(trace(trainProgram(network, learning, batch), state));
  return lower(traced, state, { ...options, count: 4 }).text;
}

const textOf = (outputs: () => Tensors) =>
  lower(trace({ inputs: {}, apply: () => ({ state: {}, outputs: outputs() }) }, {}), {}, options).text;

test('The text of a step does not grow with the batch, beyond the digits of its shapes and a few operations', () => {
  const [small, large] = [stepText(8), stepText(1024)];
  assert.ok(large.length < 1.05 * small.length, `${small.length} and ${large.length} bytes`);
});

test('A step has no sort, no scatter, and turns a filter round by an operation of its own', () => {
  const text = stepText(8);
  assert.doesNotMatch(text, /stablehlo\.(sort|scatter|select_and_scatter)|reverse = \[true/);
  assert.match(text, /stablehlo\.reverse/);
});

test('In a loop, weights are cast where they change and not at the start of a step', () => {
  const [whole, step] = stepText(8).split('func.func private @step') as [string, string];
  const casts = /convert %\w+(#\d+)? : \(tensor<3x3x64x64xf32>\) -> tensor<3x3x64x64xbf16>/g;
  assert.equal(whole.match(casts)!.length, 4, 'two convolutions of that shape, before the loop and in it');
  assert.equal(step.match(casts), null);
});

test('A constant of one value is written once; of others, or of zeros of both signs, whole', () => {
  assert.ok(textOf(() => ({ ones: tf.ones([1000, 1000]) })).length < 500);
  assert.match(
    textOf(() => ({ x: tf.tensor1d([0, -0]) })),
    /dense<"0x0000000000000080">/,
  );
  assert.match(
    textOf(() => ({ x: tf.tensor1d([1, 2]) })),
    /dense<"0x0000803F00000040">/,
  );
});
