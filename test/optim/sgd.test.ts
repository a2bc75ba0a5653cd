import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../../src/engine/program.js';
import { sgd } from '../../src/optim/optimizers.js';
import { maxError, randomTensor } from '../numbers.js';

test('SGD adds the weight decay to the gradient, as PyTorch does, and its first step has no momentum', () => {
  const options = { momentum: 0.9, weight_decay: 0.01 };
  const optimizer = sgd(options);
  const parameters = { a: randomTensor('a', [3, 5]), b: randomTensor('b', [4]) };
  const onBackend = (values: typeof parameters): Tensors =>
    Object.fromEntries(Object.entries(values).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]));

  const expected = Object.entries(parameters).map(([name, { data }]) => ({
    name,
    w: Array.from(data, Number),
    v: new Array<number>(data.length).fill(0),
  }));
  let state = {
    parameters: onBackend(parameters),
    momenta: onBackend(optimizer.init(parameters) as typeof parameters),
  };
  for (const [step, learningRate] of [0.1, 0.1, 0.03, 0].entries()) {
    const gradients = { a: randomTensor(`ga ${step}`, [3, 5]), b: randomTensor(`gb ${step}`, [4]) };
    state = optimizer.update(onBackend(gradients), state.momenta, state.parameters, tf.scalar(learningRate));
    for (const { name, w, v } of expected) {
      for (let i = 0; i < w.length; i++) {
        const gradient = gradients[name as 'a' | 'b'].data[i]! + options.weight_decay * w[i]!;
        v[i] = step === 0 ? gradient : options.momentum * v[i]! + gradient;
        w[i]! -= learningRate * v[i]!;
      }
      assert.ok(maxError(state.parameters[name]!.dataSync(), w) < 1e-6, `${name} after step ${step}`);
      assert.ok(maxError(state.momenta[name]!.dataSync(), v) < 1e-6, `momentum of ${name} after step ${step}`);
    }
  }
});
