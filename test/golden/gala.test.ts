/**
 * GALA against traces of the reference implementation: a linear classifier trained for some steps by the released code.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy, sumByClass } from '../../src/engine/trainingKernels.js';
import { gala } from '../../src/losses/gala.js';
import { linearHead } from '../../src/models/head.js';
import { sgd } from '../../src/optim/optimizers.js';
import { learningRateAt, warmupEpochs } from '../../src/optim/schedule.js';
import type { HostTensor } from '../../src/tensor.js';
import { compileForTest } from '../engine/compute.js';
import { float32, int32, maxError } from '../numbers.js';
import { describeUnless, sharedPath } from '../shared.js';

interface Step {
  features: number[][];
  labels: number[];
  adjusted_logits: number[][];
  loss: number;
  logit_grad: number[][];
  pos_grad: number[];
  cls_neg_grad: number[];
  sample_neg_grad: number[];
  W: number[][];
  b: number[];
}
interface Run {
  C: number;
  D: number;
  B: number;
  lambda1: number;
  lambda2: number;
  lr: number;
  momentum: number;
  weight_decay: number;
  W0: number[][];
  b0: number[];
  steps: Step[];
}
interface Schedule {
  epochs: number;
  warmup_epochs: number;
  base_lr: number;
  warmup_lr: number;
  lr_at_epoch_1_to_T: number[];
}

const path = sharedPath('golden', 'reference_traces.json');
const skip = path === undefined ? 'the shared golden folder is not here' : false;
const golden: { gala: Run[]; lr: Schedule[] } = path ? JSON.parse(readFileSync(path, 'utf8')) : { gala: [], lr: [] };

const fields = [
  ...(['adjusted_logits', 'loss', 'logit_grad'] as const),
  ...(['pos_grad', 'cls_neg_grad', 'sample_neg_grad', 'W', 'b'] as const),
];
// The traces have seven digits.
const tolerance = 1e-5;

/** Trains as the run did; per step what the trace holds of it, under the trace's names. */
async function replay(run: Run, lambda1: number, lambda2: number) {
  const head = linearHead(run.D, run.C);
  let adjusted: tf.Tensor | undefined;
  const observed: typeof sparseSoftmaxCrossEntropy = (logits, labels) => {
    adjusted = tf.keep(logits);
    return sparseSoftmaxCrossEntropy(logits, labels);
  };
  const options = { lambda1, lambda2, variant: 'released', accumulation: 'released' } as const;
  const loss = gala.create(options, { tf, sparseSoftmaxCrossEntropy: observed, sumByClass }, 1);
  const optimizer = sgd(run);
  const parameters = { weight: float32([run.C, run.D], run.W0.flat()), bias: float32([run.C], run.b0) };
  const momenta = optimizer.init(parameters);
  const executable = await compileForTest({
    state: {
      ...parameters,
      ...{ 'momentum.weight': momenta.weight!, 'momentum.bias': momenta.bias! },
      ...loss.init(new Int32Array(run.C)),
    },
    programs: {
      step: {
        inputs: {
          features: { dtype: 'float32', shape: [run.B, run.D] },
          labels: { dtype: 'int32', shape: [run.B] },
          lr: { dtype: 'float32', shape: [] },
        },
        apply: (state, { features, labels, lr }) => {
          let statistics = {};
          const lossOf = (logits: tf.Tensor) => {
            const result = loss.apply(logits as tf.Tensor2D, labels as tf.Tensor1D, state);
            for (const tensor of Object.values(result.state)) tf.keep(tensor);
            statistics = result.state;
            return result.loss;
          };
          const { weight, bias } = state as { weight: tf.Tensor; bias: tf.Tensor };
          const logits = head.apply({ weight, bias }, features as tf.Tensor2D);
          const { value, grad } = tf.valueAndGrad(lossOf)(logits);
          const ofParameters = tf.grads((w, b) => head.apply({ weight: w!, bias: b! }, features as tf.Tensor2D));
          const [byWeight, byBias] = ofParameters([weight, bias], grad) as [tf.Tensor, tf.Tensor];
          const gradients = { weight: byWeight, bias: byBias };
          const before = { weight: state['momentum.weight']!, bias: state['momentum.bias']! };
          const updated = optimizer.update(gradients, before, { weight, bias }, lr as tf.Scalar);
          return {
            state: {
              ...statistics,
              ...updated.parameters,
              ...{ 'momentum.weight': updated.momenta.weight!, 'momentum.bias': updated.momenta.bias! },
            },
            outputs: { loss: value, adjusted_logits: adjusted!, logit_grad: grad },
          };
        },
      },
    },
  });
  const steps = [];
  for (const { features, labels } of run.steps) {
    const outputs = await executable.run('step', {
      features: float32([run.B, run.D], features.flat()),
      labels: int32([run.B], labels),
      lr: float32([], [run.lr]),
    });
    const state = await executable.readState();
    const { theta, nu, phi, weight, bias } = state;
    const named = { pos_grad: theta!, cls_neg_grad: nu!, sample_neg_grad: phi!, W: weight!, b: bias! };
    steps.push({ ...outputs, ...named } as Record<(typeof fields)[number], HostTensor>);
  }
  executable.dispose();
  return steps;
}

describeUnless(skip, 'The tensorflow engine repeats the reference implementation, step by step:', () => {
  const names = ['seven classes', 'twenty classes with λ1 1.2 and λ2 0.9', 'the margin switched off'];
  for (const [i, run] of golden.gala.entries()) {
    test(names[i]!, async context => {
      // The released code switches the margin off by leaving out its terms; λ = 0 makes them 0 and the statistics
      // still add up.
      const margins = i === 2 ? ([0, 0] as const) : ([run.lambda1, run.lambda2] as const);
      const steps = await replay(run, ...margins);
      assert.equal(steps.length, run.steps.length);
      let largest = 0;
      for (const [t, step] of steps.entries()) {
        for (const field of fields) {
          const expected = [run.steps[t]![field]].flat(2);
          const error = maxError(step[field]!.data, expected);
          assert.ok(error <= tolerance, `step ${t}: max|a−b|/max|b| of ${field} is ${error}`);
          largest = Math.max(largest, error);
        }
      }
      context.diagnostic(`largest max|a−b|/max|b|: ${largest.toExponential(1)}`);
    });
  }
});

test('The learning rates of every epoch are the reference implementation’s', { skip }, () => {
  assert.equal(golden.lr.length, 2);
  for (const schedule of golden.lr) {
    // The reference calls the first epoch's rate base_lr and the peak warmup_lr.
    const optim = { learning_rate: schedule.warmup_lr, warmup_learning_rate: schedule.base_lr };
    const rates = schedule.lr_at_epoch_1_to_T.map((_, i) =>
      learningRateAt(i + 1, schedule.epochs, schedule.warmup_epochs, optim),
    );
    assert.ok(maxError(rates, schedule.lr_at_epoch_1_to_T) < 1e-6);
    assert.equal(rates.length, schedule.epochs);
    assert.ok(Math.abs(rates.at(-1)!) < 1e-12);
  }
});

test(
  'The warm-up of 200 epochs over the CIFAR100-LT subsets takes as many epochs as the reference ' + 'implementation’s',
  () => {
    const stepsPerEpoch = (images: number) => Math.floor(images / 64);
    const warmup = (images: number) => warmupEpochs({ warmup_epochs: 'auto' }, stepsPerEpoch(images));
    assert.equal(warmup(9_502), 2, 'imbalance 200');
    assert.equal(warmup(10_847), 2, 'imbalance 100');
    assert.equal(warmup(12_608), 2, 'imbalance 50');
    assert.equal(warmup(19_573), 2, 'imbalance 10: the rule gives 1 and the reference divides by 0');
  },
);
