/** Every variant and accumulation of GALA against the formulas of the method, written out in float64 with loops. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy, sumByClass } from '../../src/engine/trainingKernels.js';
import { gala } from '../../src/losses/gala.js';
import type { HostTensors } from '../../src/tensor.js';
import { createLoss } from '../../src/train/learning.js';
import { compileForTest } from '../engine/compute.js';
import { maxError, randomIntegers, randomTensor } from '../numbers.js';

type GalaOptions = Parameters<typeof gala.create>[0];

const batchSize = 6;
const classes = 9;
const steps = 5;
const batches = Array.from({ length: steps }, (_, step) => ({
  logits: randomTensor(`logits ${step}`, [batchSize, classes], -3, 3),
  // class 8 never occurs: its statistics stay 0 but for ν
  labels: randomIntegers(`labels ${step}`, [batchSize], classes - 1),
}));

type Statistics = Record<'theta' | 'phi' | 'nu', number[]>;
const zeros = (): Statistics => ({
  theta: new Array(classes).fill(0),
  phi: new Array(classes).fill(0),
  nu: new Array(classes).fill(0),
});

/** Logits that enter the cross-entropy, `[B][C]`. */
function shifted(z: number[][], y: number[], { theta, phi }: Statistics, options: GalaOptions): number[][] {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length + 1e-12;
  const scale = options.variant === 'normalized' ? { theta: mean(theta), phi: mean(phi) } : { theta: 1, phi: 1 };
  return z.map((row, i) =>
    row.map((logit, j) => {
      if (options.variant !== 'released' && j === y[i]) return logit;
      const margin1 = options.lambda1 * Math.log(theta[j]! / scale.theta + 1e-3);
      const margin2 = options.lambda2 * Math.log(phi[y[i]!]! / scale.phi + 1e-3);
      return logit + margin1 - margin2;
    }),
  );
}

/** The step's loss, its gradient by the logits, and what the statistics gain. */
function crossEntropy(logits: number[][], y: number[]) {
  const step = zeros();
  let loss = 0;
  const gradient = logits.map((row, i) => {
    const top = Math.max(...row);
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    loss -= (row[y[i]!]! - top - Math.log(total)) / batchSize;
    return row.map((logit, j) => {
      const g = (Math.exp(logit - top) / total - (j === y[i] ? 1 : 0)) / batchSize;
      if (j === y[i]) step.theta[j]! += Math.abs(g);
      else {
        step.phi[y[i]!]! += Math.abs(g);
        step.nu[j]! += Math.abs(g);
      }
      return g;
    });
  });
  return { loss, gradient, step };
}

function reference(options: GalaOptions) {
  const statistics = zeros();
  const running = zeros();
  return batches.map(({ logits, labels }) => {
    const y = [...labels.data];
    const z = Array.from({ length: batchSize }, (_, i) => [...logits.data.slice(i * classes, (i + 1) * classes)]);
    const adjusted = shifted(z, y, statistics, options);
    const { loss, gradient, step } = crossEntropy(adjusted, y);
    for (const name of ['theta', 'phi', 'nu'] as const) {
      for (let j = 0; j < classes; j++) {
        running[name][j]! += step[name][j]!;
        statistics[name][j]! += options.accumulation === 'released' ? running[name][j]! : step[name][j]!;
      }
    }
    return { loss: [loss], adjusted: adjusted.flat(), gradient: gradient.flat(), ...structuredClone(statistics) };
  });
}

async function onEngine(options: GalaOptions): Promise<HostTensors[]> {
  let adjusted: tf.Tensor | undefined;
  const observed: typeof sparseSoftmaxCrossEntropy = (logits, labels) => {
    adjusted = tf.keep(logits);
    return sparseSoftmaxCrossEntropy(logits, labels);
  };
  const loss = gala.create(options, { tf, sparseSoftmaxCrossEntropy: observed, sumByClass }, 1);
  const executable = await compileForTest({
    state: loss.init(new Int32Array(classes)),
    programs: {
      step: {
        inputs: {
          logits: { dtype: 'float32', shape: [batchSize, classes] },
          labels: { dtype: 'int32', shape: [batchSize] },
        },
        apply: (state, { logits, labels }) => {
          let result: ReturnType<typeof loss.apply> | undefined;
          const { value, grad } = tf.valueAndGrad(x => {
            result = loss.apply(x as tf.Tensor2D, labels as tf.Tensor1D, state);
            for (const tensor of Object.values(result.state)) tf.keep(tensor);
            return result.loss;
          })(logits!);
          return { state: result!.state, outputs: { loss: value, adjusted: adjusted!, gradient: grad } };
        },
      },
    },
  });
  const results = [];
  for (const batch of batches) {
    results.push({ ...(await executable.run('step', batch)), ...(await executable.readState()) });
  }
  executable.dispose();
  return results;
}

const settings = (['released', 'paper', 'normalized'] as const).flatMap(variant =>
  (['released', 'plain'] as const).map(accumulation => ({ lambda1: 1.2, lambda2: 0.9, variant, accumulation })),
);

describe('GALA follows the formulas over five steps with', () => {
  for (const options of settings) {
    test(`variant ${options.variant} and accumulation ${options.accumulation}`, async () => {
      const expected = reference(options);
      const results = await onEngine(options);
      assert.equal(results.length, steps);
      for (const [step, result] of results.entries()) {
        for (const [name, values] of Object.entries(expected[step]!)) {
          const error = maxError(result[name]!.data, values);
          assert.ok(error <= 1e-5, `step ${step}: max|a−b|/max|b| of ${name} is ${error}`);
        }
      }
    });
  }
});

describe('In the released variant', () => {
  const released = { lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' } as const;

  test('λ2 changes the logits, but neither the loss nor its gradient nor the statistics', async () => {
    const withTerm = (await onEngine(released)).at(-1)!;
    const without = (await onEngine({ ...released, lambda2: 0 })).at(-1)!;
    assert.ok(maxError(withTerm.adjusted!.data, without.adjusted!.data) > 0.1);
    for (const name of ['loss', 'gradient', 'theta', 'phi', 'nu']) {
      assert.ok(maxError(withTerm[name]!.data, without[name]!.data) < 1e-5, name);
    }
  });

  test('the positive gradient of a class equals the negative gradient that it causes', async () => {
    const { theta, phi, nu } = (await onEngine(released)).at(-1)!;
    assert.ok(maxError(theta!.data, phi!.data) < 1e-6);
    assert.ok(maxError(nu!.data, phi!.data) > 0.1);
  });
});

test('The state begins at zero and holds the running sums only where they are used', () => {
  const options = { lambda1: 1, lambda2: 1, variant: 'released' } as const;
  const counts = Int32Array.of(500, 20, 5);
  const released = createLoss({ name: 'gala', ...options, accumulation: 'released' }).init(counts);
  assert.deepEqual(Object.keys(released).sort(), [
    ...['nu', 'nu_running', 'phi', 'phi_running', 'theta', 'theta_running'],
  ]);
  const plain = createLoss({ name: 'gala', ...options, accumulation: 'plain' }).init(counts);
  assert.deepEqual(Object.keys(plain).sort(), ['nu', 'phi', 'theta']);
  for (const { dtype, shape, data } of [...Object.values(released), ...Object.values(plain)]) {
    assert.deepEqual({ dtype, shape, data }, { dtype: 'float32', shape: [3], data: new Float32Array(3) });
  }
});
