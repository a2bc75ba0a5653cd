import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { createLoss } from '../../src/train/learning.js';
import { blend, mixingOf, mixRows, mixupInputs } from '../../src/train/mixup.js';
import { compute } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';
import { describeUnless, sharedPath } from '../shared.js';

interface Case {
  id: string;
  B: number;
  C: number;
  D: number;
  lambda: number;
  inputs: number[][];
  index: number[];
  labels_a: number[];
  labels_b: number[];
  mixed_inputs: number[][];
  logits: number[][];
  loss: number;
}

const path = sharedPath('golden', 'losses.json');
const skip = path === undefined ? 'the shared golden folder is not here' : false;
const cases: Case[] = path ? JSON.parse(readFileSync(path, 'utf8')).mixup.cases : [];

describeUnless(skip, 'Mixup equals the public implementation:', () => {
  for (const { id, B, C, D, ...given } of cases) {
    test(`images, partners’ labels and loss of case ${id}`, async () => {
      const inputs = {
        x: float32([B, D], given.inputs.flat()),
        logits: float32([B, C], given.logits.flat()),
        labels: int32([B], given.labels_a),
        mixup_lambda: float32([], [given.lambda]),
        mixup_index: int32([B], given.index),
      };
      const outputs = await compute(inputs, values => {
        const mixing = mixingOf(values);
        const partners = tf.gather(values.labels as tf.Tensor1D, mixing.index);
        const lossOf = (labels: tf.Tensor1D) =>
          createLoss({ name: 'cross_entropy' }).apply(values.logits as tf.Tensor2D, labels, {}).loss;
        return {
          mixed: mixRows(values.x!, mixing),
          partners,
          loss: blend(lossOf(values.labels as tf.Tensor1D), lossOf(partners), mixing.lambda),
        };
      });
      assert.ok(maxError(outputs.mixed!.data, given.mixed_inputs.flat()) < 1e-6);
      assert.deepEqual([...outputs.partners!.data], given.labels_b);
      assert.ok(maxError(outputs.loss!.data, [given.loss]) < 1e-6);
    });
  }
});

test('λ and partners are a function of seed, epoch and step', () => {
  const inputs = mixupInputs(0.2, [1, 16], 1, 2, 3)[0]!;
  assert.deepEqual(mixupInputs(0.2, [1, 16], 1, 2, 3)[0]!, inputs);
  assert.deepEqual(
    [...inputs.mixup_index!.data].sort((a, b) => a - b),
    [...Array(16).keys()],
  );
  for (const other of [
    mixupInputs(0.2, [1, 16], 2, 2, 3)[0]!,
    mixupInputs(0.2, [1, 16], 1, 3, 3)[0]!,
    mixupInputs(0.2, [1, 16], 1, 2, 4)[0]!,
  ]) {
    assert.notDeepEqual(other.mixup_lambda, inputs.mixup_lambda);
    assert.notDeepEqual(other.mixup_index, inputs.mixup_index);
  }
});

for (const alpha of [0.05, 0.2, 1, 4]) {
  test(`λ is Beta(${alpha}, ${alpha}): mean ½, variance 1 / (8α + 4), symmetric`, () => {
    const draws = Array.from({ length: 20_000 }, (_, step) => mixupInputs(alpha, [1, 1], 0, 1, step)[0]!).map(
      ({ mixup_lambda }) => mixup_lambda!.data[0]!,
    );
    assert.ok(draws.every(draw => draw >= 0 && draw <= 1));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    const below = draws.filter(draw => draw < 0.1).length / draws.length;
    const above = draws.filter(draw => draw > 0.9).length / draws.length;
    assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
    assert.ok(Math.abs(variance * (8 * alpha + 4) - 1) < 0.05, `variance ${variance}`);
    assert.ok(Math.abs(below - above) < 0.025, `${below} and ${above} in the tails`);
  });
}
