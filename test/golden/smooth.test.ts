/**
 * Two GALA training steps of a ResNet-32 with softplus in place of ReLU against PyTorch in float64: without the kinks
 * of ReLU an fp32 engine must agree to rounding, so that a small mistake anywhere in the network or the step shows.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { linearHead } from '../../src/models/head.js';
import { isModelEntry } from '../../src/models/modelEntries.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { compileForTest } from '../engine/compute.js';
import { float32, maxError } from '../numbers.js';
import { formulaImages, formulaLabels, formulaState, signs } from './formula.js';

/** A tensor: its norm, and its values or, where it is large, its products with sign directions. */
type Summary = { norm: number } & ({ values: number[] } | { products: number[] });
interface Fixture {
  steps: {
    loss: number[];
    gradients: Record<string, Summary>;
    statistics: Record<string, number[]>;
    gala: Record<string, number[]>;
  }[];
  parameters: Record<string, Summary>;
  evalLogits: number[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/smooth_resnet32.json', import.meta.url), 'utf8'),
);
const tolerance = 1e-4;
const batchSize = 8;
const classes = 20;
const momentum = 0.9;
const weightDecay = 5e-4;
const network = {
  backbone: resnetCifar({ depth: 32, channels: 3, activation: x => tf.softplus(x) }),
  head: linearHead(64, classes),
  imageShape: [32, 32, 3] as const,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2023, 0.1994, 0.201],
};
const learning = {
  loss: createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' }),
  optimizer: sgd({ momentum, weight_decay: weightDecay }),
};

/**
 * How far a tensor is from its summary, relative to its norm: max|a − b| / max|b| where the values are there, else
 * ‖a − b‖ / ‖b‖ estimated from the products (the mean square of a product with random signs is the squared
 * norm).
 */
function errorOf(name: string, actual: Float64Array, expected: Summary): number {
  if ('values' in expected) return maxError(actual, expected.values);
  const squares = expected.products.map((product, k) => {
    const direction = signs(`${name} direction ${k}`, actual.length);
    return (actual.reduce((sum, value, i) => sum + value * direction[i]!, 0) - product) ** 2;
  });
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length) / expected.norm;
}

describe('ResNet-32 with softplus agrees with PyTorch in float64 to 1e-4 in', () => {
  const losses: number[] = [];
  const states: HostTensors[] = [];
  let evaluated: HostTensors;

  before(async () => {
    const fresh = initialState(network, learning, new Int32Array(classes), 0);
    states.push(formulaState(fresh, isModelEntry));
    const programs = { train: trainProgram(network, learning, batchSize), eval: evalProgram(network, batchSize) };
    const executable = await compileForTest({ state: states[0]!, programs });
    const imagesOf = (step: number) => formulaImages(`images ${step}`, [batchSize, ...network.imageShape]);
    for (const [step, labels] of formulaLabels.entries()) {
      const given = { images: imagesOf(step), labels, learning_rate: float32([], [0.05]) };
      losses.push((await executable.run('train', given)).loss!.data[0]!);
      states.push(await executable.readState());
    }
    evaluated = await executable.run('eval', { images: imagesOf(0) });
    executable.dispose();
  });

  /** The gradient of a step, from the momenta around it: v ← μ·v + g + decay·w. */
  const gradientOf = (step: number, name: string) => {
    const [before, after] = [states[step]!, states[step + 1]!];
    const velocity = before[`momentum.${name}`]!.data;
    const weights = before[name]!.data;
    return Float64Array.from(
      after[`momentum.${name}`]!.data,
      (v, i) => v - momentum * velocity[i]! - weightDecay * weights[i]!,
    );
  };

  for (const step of [0, 1]) {
    test(`loss, every gradient, batch and GALA statistics of step ${step}`, context => {
      const expected = fixture.steps[step]!;
      const errors: [error: number, what: string][] = [[maxError([losses[step]!], expected.loss), 'loss']];
      const parameters = Object.entries(expected.gradients);
      assert.equal(parameters.length, 95);
      for (const [name, summary] of parameters)
        errors.push([errorOf(name, gradientOf(step, name), summary), `gradient of ${name}`]);
      const after = states[step + 1]!;
      for (const [name, values] of Object.entries(expected.statistics))
        errors.push([maxError(after[name]!.data, values), name]);
      for (const [name, values] of Object.entries(expected.gala))
        errors.push([maxError(after[`loss.${name}`]!.data, values), name]);
      assert.equal(errors.length, 1 + 95 + 62 + 3);
      const [worst, what] = errors.reduce((a, b) => (b[0] > a[0] ? b : a));
      context.diagnostic(`largest error ${worst.toExponential(1)} (${what})`);
      assert.ok(worst <= tolerance, `${what}: ${worst}`);
    });
  }

  test('every parameter and the evaluation logits after two steps', context => {
    const last = states[2]!;
    const errors = Object.entries(fixture.parameters).map(
      ([name, summary]) => [errorOf(name, Float64Array.from(last[name]!.data), summary), name] as const,
    );
    assert.equal(errors.length, 95);
    const [worst, name] = errors.reduce((a, b) => (b[0] > a[0] ? b : a));
    const logits = maxError(evaluated.logits!.data, fixture.evalLogits);
    context.diagnostic(`parameters at most ${worst.toExponential(1)} (${name}), logits ${logits.toExponential(1)}`);
    assert.ok(worst <= tolerance, `${name}: ${worst}`);
    assert.ok(logits <= tolerance, `logits: ${logits}`);
  });
});
