import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { createLoss } from '../../src/train/learning.js';
import { compute } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';

test('A config names its loss, and GALA takes its options from it', () => {
  assert.deepEqual(createLoss({ name: 'cross_entropy' }).init(Int32Array.of(1, 2)), {});
  const options = { lambda1: 1, lambda2: 1, variant: 'paper' } as const;
  const plain = createLoss({ name: 'gala', ...options, accumulation: 'plain' });
  assert.equal(Object.keys(plain.init(Int32Array.of(1, 2))).length, 3);
  const released = createLoss({ name: 'gala', ...options, accumulation: 'released' });
  assert.equal(Object.keys(released.init(Int32Array.of(1, 2))).length, 6);
});

test('Weights and margins follow the training images per class; one without images counts as one image', () => {
  const counts = Int32Array.of(500, 20, 1, 0);
  const { weights } = createLoss({ name: 'class_balanced', beta: 0.99, gamma: 0, reweight_from: 0 }).init(counts);
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

test('LDAM gives the rarest class the largest margin, in logits; a class without images counts as one image', () => {
  const loss = createLoss({ name: 'ldam', max_margin: 0.5, beta: 0.9999, reweight_from: 1 }, 30);
  const { margins } = loss.init(Int32Array.of(500, 16, 0));
  assert.ok(maxError(margins!.data, [(15 * 500 ** -0.25) as number, 7.5, 15]) < 1e-6);
});

for (const options of [
  { name: 'class_balanced', beta: 0.9999, gamma: 0, reweight_from: 0.8 },
  { name: 'ldam', max_margin: 0.5, beta: 0.9999, reweight_from: 0.8 },
] as const) {
  test(`${options.name} weighs all samples alike until reweight_from, and as without deferral from then on`, async () => {
    const inputs = { logits: float32([3, 2], [2, -1, 1, 0, 0.5, 0.25]), labels: int32([3], [0, 1, 1]) };
    const lossAt = async (reweight_from: number, progress: number) => {
      const loss = createLoss({ ...options, reweight_from });
      const state = loss.init(Int32Array.of(500, 5));
      const outputs = await compute({ ...inputs, ...state, progress: float32([], [progress]) }, given => ({
        loss: loss.apply(given.logits as tf.Tensor2D, given.labels as tf.Tensor1D, given, given.progress as tf.Scalar)
          .loss,
      }));
      return outputs.loss!.data[0]!;
    };
    const [never, always] = [await lossAt(1, 0.99), await lossAt(0, 0)];
    assert.ok(Math.abs(never - always) > 0.1);
    // Epochs 24 and 25 of 30: 0.8 of training is over when the 25th begins.
    assert.equal(await lossAt(0.8, 23 / 30), never);
    assert.ok(Math.abs((await lossAt(0.8, 24 / 30)) - always) < 1e-6);
    assert.equal(createLoss({ ...options, reweight_from: 0 }).usesProgress, false);
    assert.equal(createLoss(options).usesProgress, true);
  });
}
