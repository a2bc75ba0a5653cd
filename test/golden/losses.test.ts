/** Losses against public implementations run in float64: values and gradients by the logits. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { crossEntropy } from '../../src/losses/crossEntropy.js';
import type { Loss } from '../../src/losses/loss.js';
import { compute } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';
import { sharedPath } from '../shared.js';

interface Case {
  id: string;
  B: number;
  C: number;
  logits: number[][];
  labels: number[];
}
interface Golden {
  cases: Case[];
  losses: Record<string, { results: { case: string; loss: number; grad: number[][] }[] }>;
}

const path = sharedPath('golden', 'losses.json');
const skip = path === undefined ? 'the shared golden folder is not here' : false;
const golden: Golden = path ? JSON.parse(readFileSync(path, 'utf8')) : { cases: [], losses: {} };

const losses: Readonly<Record<string, Loss>> = { cross_entropy: crossEntropy() };

describe('A loss and its gradient equal the public implementation’s:', { skip }, () => {
  for (const [name, loss] of Object.entries(losses)) {
    for (const { id, B, C, logits, labels } of golden.cases) {
      test(`${name}, case ${id}`, async () => {
        const inputs = { logits: float32([B, C], logits.flat()), labels: int32([B], labels) };
        const outputs = await compute(inputs, given => {
          const lossOf = (x: tf.Tensor) => loss.apply(x as tf.Tensor2D, given.labels as tf.Tensor1D, {}).loss;
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
