import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../src/engine/program.js';
import { adamw } from '../../src/optim/optimizers.js';
import { maxError } from '../numbers.js';

/** Weight, mean of gradients and mean of squares after each step, by PyTorch 2.11 (scripts/make-adamw-fixture.py). */
const expected = [
  [
    [0.8949999809265137, -1.8899999856948853, 0.39750000834465027],
    [0.05000000074505806, -0.125, 0.30000001192092896],
    [0.0024999999441206455, 0.015624999068677425, 0.08999999612569809],
  ],
  [
    [0.79718017578125, -1.7816883325576782, 0.2963547706604004],
    [0.07000000029802322, -0.21250000596046448, 0.5200000405311584],
    [0.0030999998562037945, 0.025468748062849045, 0.15159998834133148],
  ],
  [
    [0.7984397411346436, -1.7628284692764282, 0.26667940616607666],
    [-0.012000000104308128, -0.14125001430511475, 0.6680000424385071],
    [0.008693999610841274, 0.027714060619473457, 0.19008398056030273],
  ],
  [
    [0.7987118363380432, -1.7575170993804932, 0.2600475251674652],
    [-0.01078999973833561, -0.12712500989437103, 0.5012000203132629],
    [0.008607059717178345, 0.027436919510364532, 0.19818314909934998],
  ],
] as const;
const gradients = [
  [0.5, -1.25, 3],
  [0.25, -1, 2.5],
  [-0.75, 0.5, 2],
  [1e-4, 0, -1],
];
const rates = [0.1, 0.1, 0.03, 0.01];

test('AdamW steps as torch.optim.AdamW does: decoupled decay, corrected moments', () => {
  const optimizer = adamw({ beta1: 0.9, beta2: 0.99, weight_decay: 0.05 });
  const start = { w: { dtype: 'float32', shape: [3], data: Float32Array.of(1, -2, 0.5) } } as const;
  let state: { parameters: Tensors; momenta: Tensors } = {
    parameters: { w: tf.tensor1d([1, -2, 0.5]) },
    momenta: Object.fromEntries(
      Object.entries(optimizer.init(start)).map(([name, { data }]) => [name, tf.tensor1d(data)]),
    ),
  };
  assert.deepEqual(Object.keys(state.momenta), ['first.w', 'second.w']);
  for (const [step, gradient] of gradients.entries()) {
    const factors = Object.fromEntries(
      Object.entries(optimizer.factorsAt!(step + 1)).map(([name, value]) => [name, tf.scalar(value)]),
    );
    assert.deepEqual(Object.keys(factors), optimizer.factorNames);
    const { parameters, momenta } = state;
    state = optimizer.update({ w: tf.tensor1d(gradient) }, momenta, parameters, tf.scalar(rates[step]!), factors);
    const [weight, first, second] = expected[step]!;
    for (const [found, wanted] of [
      [state.parameters.w, weight],
      [state.momenta['first.w'], first],
      [state.momenta['second.w'], second],
    ] as const) {
      assert.ok(maxError(found!.dataSync(), wanted) < 2e-7, `after step ${step + 1}: ${found!.dataSync()}`);
    }
  }
});
