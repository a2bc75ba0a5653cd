/** Losses against public implementations run in float64: values and gradients by the logits. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Loss } from '../../src/losses/loss.js';
import { createLoss } from '../../src/train/learning.js';
import { compute } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';
import { describeUnless, sharedPath } from '../shared.js';

interface Case {
  id: string;
  B: number;
  C: number;
  counts: number[];
  logits: number[][];
  labels: number[];
  cosine_logits: number[][];
}
interface Golden {
  cases: Case[];
  losses: Record<
    string,
    { input: 'logits' | 'cosine_logits'; results: { case: string; loss: number; grad: number[][] }[] }
  >;
}

const path = sharedPath('golden', 'losses.json');
const skip = path === undefined ? 'the shared golden folder is not here' : false;
const golden: Golden = path ? JSON.parse(readFileSync(path, 'utf8')) : { cases: [], losses: {} };

/** In the file LDAM multiplies the cosines; here its head does. */
const cosineScale = 30;

/** By their names in the golden file, with its parameters. */
const losses: Readonly<Record<string, Loss>> = {
  cross_entropy: createLoss({ name: 'cross_entropy' }),
  label_smoothing: createLoss({ name: 'label_smoothing', epsilon: 0.1 }),
  focal_softmax: createLoss({ name: 'focal', gamma: 2 }),
  cb_softmax: createLoss({ name: 'class_balanced', beta: 0.9999, gamma: 0, reweight_from: 0 }),
  cb_focal_softmax: createLoss({ name: 'class_balanced', beta: 0.9999, gamma: 2, reweight_from: 0 }),
  ldam: createLoss({ name: 'ldam', max_margin: 0.5, beta: 0.9999, reweight_from: 1 }, cosineScale),
  ldam_drw: createLoss({ name: 'ldam', max_margin: 0.5, beta: 0.9999, reweight_from: 0 }, cosineScale),
  balanced_softmax: createLoss({ name: 'balanced_softmax' }),
  logit_adjusted: createLoss({ name: 'logit_adjustment', tau: 1 }),
};

describeUnless(skip, 'A loss and its gradient equal the public implementation’s:', () => {
  for (const [name, loss] of Object.entries(losses)) {
    for (const { id, B, C, counts, labels, ...given } of golden.cases) {
      test(`${name}, case ${id}`, async () => {
        const { input } = golden.losses[name]!;
        const scale = input === 'cosine_logits' ? cosineScale : 1;
        const state = loss.init(Int32Array.from(counts));
        const inputs = {
          ...state,
          logits: float32([B, C], given[input].flat()),
          progress: float32([], [0.5]),
          labels: int32([B], labels),
        };
        const outputs = await compute(inputs, given => {
          const lossOf = (x: tf.Tensor) =>
            loss.apply(tf.mul(x, scale) as tf.Tensor2D, given.labels as tf.Tensor1D, given, given.progress as tf.Scalar)
              .loss;
          const { value, grad } = tf.valueAndGrad(lossOf)(given.logits!);
          return { value, grad };
        });
        const expected = golden.losses[name]!.results.find(result => result.case === id)!;
        assert.ok(maxError(outputs.value!.data, [expected.loss]) < 2e-6);
        assert.ok(maxError(outputs.grad!.data, expected.grad.flat()) < 2e-6);
      });
    }
  }
});
