/** The bf16 rewriting: what it takes into bfloat16, and that nothing which adds up over steps is among it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Program } from '../../src/engine/program.js';
import { reachable, typeOf, type Value } from '../../src/engine/trace/ir.js';
import { withBf16Convolutions } from '../../src/engine/trace/mixedPrecision.js';
import { trace } from '../../src/engine/trace/trace.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import { createLoss } from '../../src/train/learning.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';

const network = {
  backbone: resnetCifar({ depth: 20, channels: 3 }),
  head: linearHead(64, 10),
  imageShape: [32, 32, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
};
const learning = {
  loss: createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'paper', accumulation: 'released' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};
const step = withBf16Convolutions(
  trace(trainProgram(network, learning, 8), initialState(network, learning, new Int32Array(10), 0)),
);
const inBf16 = step.nodes.filter(node => node.outputs[0]!.dtype === 'bfloat16');

test('Every convolution of a train step, and its gradients, are in bfloat16', () => {
  const convolutions = step.nodes.filter(node => node.kernel.startsWith('Conv2D'));
  assert.equal(convolutions.length, 3 * 19 - 1); // 19 layers; the images have no gradient
  for (const node of convolutions) assert.equal(node.outputs[0]!.dtype, 'bfloat16', node.kernel);
});

test(
  'The chain between convolutions stays in bfloat16: images are cast twice on the way in and out, never ' + 'between',
  () => {
    const imageCasts = step.nodes.filter(
      node => node.kernel === 'Cast' && node.outputs[0]!.shape.length === 4 && node.outputs[0]!.shape[0] === 8,
    );
    assert.deepEqual(
      imageCasts
        .map(node => `${typeOf(node.inputs[0]!).dtype} → ${node.outputs[0]!.dtype} [${node.outputs[0]!.shape}]`)
        .sort(),
      [
        'bfloat16 → float32 [8,8,8,64]', // the last features, into the mean
        'float32 → bfloat16 [8,32,32,3]', // the normalised images
        'float32 → bfloat16 [8,8,8,64]', // the gradient of the mean
        'uint8 → float32 [8,32,32,3]',
      ].sort(),
    );
  },
);

test('Arithmetic in bfloat16 is on images alone; no weight, momentum, statistic or logit is added up in it', () => {
  for (const node of inBf16) {
    const { shape } = node.outputs[0]!;
    const isFilter = node.kernel === 'Conv2DBackpropFilter' || node.kernel === 'Cast';
    assert.ok(shape.length === 4 && (shape[0] === 8 || isFilter), `${node.kernel} [${shape}] is in bfloat16`);
  }
  for (const [name, value] of Object.entries(step.state)) assert.equal(typeOf(value).dtype, 'float32', name);
});

test('Every new state entry is computed by a float32 operation, not rounded to bfloat16 at its end', () => {
  for (const [name, value] of Object.entries(step.state)) {
    assert.notEqual(value.node.kernel, 'Cast', `${name} is a cast of a ${typeOf(value.node.inputs[0] ?? value).dtype}`);
  }
});

test('A program without convolutions is left as it is', () => {
  const program: Program = {
    inputs: { x: { dtype: 'float32', shape: [2, 3] } },
    apply: (_, { x }) => ({ state: {}, outputs: { y: tf.add(tf.matMul(x!, x!, false, true), 1) } }),
  };
  const traced = trace(program, {});
  const kernels = (values: readonly Value[]) =>
    reachable(values).map(node => `${node.kernel} ${node.outputs[0]!.dtype}`);
  assert.deepEqual(
    kernels(Object.values(withBf16Convolutions(traced).outputs)),
    kernels(Object.values(traced.outputs)),
  );
});
