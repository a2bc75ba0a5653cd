import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { createLoss } from '../../src/losses/index.js';
import { compute } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';

test('A config names its loss, and GALA takes its options from it', () => {
  assert.equal(createLoss({ name: 'cross_entropy' }).name, 'cross_entropy');
  assert.deepEqual(createLoss({ name: 'cross_entropy' }).init(Int32Array.of(1, 2)), {});
  const options = { lambda1: 1, lambda2: 1, variant: 'paper' } as const;
  const plain = createLoss({ name: 'gala', ...options, accumulation: 'plain' });
  assert.equal(plain.name, 'gala');
  assert.equal(Object.keys(plain.init(Int32Array.of(1, 2))).length, 3);
  const released = createLoss({ name: 'gala', ...options, accumulation: 'released' });
  assert.equal(Object.keys(released.init(Int32Array.of(1, 2))).length, 6);
});

test('Weights and margins follow the training images per class; one without images counts as one image', () => {
  const counts = Int32Array.of(500, 20, 1, 0);
  const { weights } = createLoss({ name: 'class_balanced', beta: 0.99, gamma: 0 }).init(counts);
  const effective = [500, 20, 1, 1].map(n => (1 - 0.99 ** n) / (1 - 0.99));
  const total = effective.reduce((sum, number) => sum + 1 / number, 0);
  assert.ok(
    maxError(
      weights!.data,
      effective.map(number => 4 / number / total),
    ) < 1e-6,
  );
  const { prior_margin } = createLoss({ name: 'logit_adjustment', tau: 2 }).init(counts);
  const margins = [500, 20, 1, 1].map(n => 2 * Math.log(n / 521));
  assert.ok(maxError(prior_margin!.data, margins) < 1e-6);
  assert.equal(createLoss({ name: 'balanced_softmax' }).name, 'balanced_softmax');
});

test('A focal factor of a power below 1 keeps its gradient finite where the class is certain', async () => {
  const inputs = { logits: float32([2, 2], [60, -60, 1, 0]), labels: int32([2], [0, 1]) };
  const loss = createLoss({ name: 'focal', gamma: 0.5 });
  const { gradient } = await compute(inputs, given => ({
    gradient: tf.grad(x => loss.apply(x as tf.Tensor2D, given.labels as tf.Tensor1D, {}).loss)(given.logits!),
  }));
  assert.ok(gradient!.data.every(Number.isFinite));
  assert.ok(Math.abs(gradient!.data[2]!) > 0.1);
});
