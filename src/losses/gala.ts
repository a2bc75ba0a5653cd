/**
 * Gradient-Aware Logit Adjustment (Zhang et al., ICASSP 2024, arXiv 2403.09036): margins from gradients accumulated per
 * class. With p = softmax of the margin-shifted logits and g = (p − onehot(y)) / B, the gradient of the mean loss,
 *   θ_j positive gradient of classifier j: Σ |g_ij| over samples i of class j,
 *   φ_k negative gradient caused by class k: Σ_{j≠k} |g_ij| over samples i of class k,
 *   ν_j negative gradient received by classifier j: Σ |g_ij| over samples of other classes (recorded, not used).
 * Margins of a step use the statistics of the steps before it.
 */
import * as tf from '@tensorflow/tfjs';
import type { LossConfig } from '../config/schema.js';
import type { Tensors } from '../engine/program.js';
import { sparseSoftmaxCrossEntropy, sumByClass } from '../engine/trainingKernels.js';
import type { HostTensors } from '../tensor.js';
import type { Loss } from './loss.js';

export type GalaOptions = Omit<Extract<LossConfig, { name: 'gala' }>, 'name'>;

/** Added to a statistic before its logarithm. */
const epsilon = 1e-3;
const statistics = ['theta', 'phi', 'nu'] as const;
type Statistics = Record<(typeof statistics)[number], tf.Tensor1D>;

/**
 * The loss for C classes; its state is `theta`, `phi`, `nu` `[C]` and, with `accumulation: released`, the running sums
 * `theta_running`… that are added to them at every step (as the released code does).
 */
export function gala(options: GalaOptions): Loss {
  const accumulate = accumulations[options.accumulation];
  return {
    name: 'gala',
    init: classCounts => initialState(classCounts.length, options.accumulation),
    apply: (logits, labels, state) => {
      const classes = logits.shape[1];
      const onehot = tf.oneHot(labels, classes).toFloat() as tf.Tensor2D;
      const shifted = variants[options.variant](logits, onehot, state, options);
      const loss = tf.mean(sparseSoftmaxCrossEntropy(shifted, labels));
      return { loss: loss as tf.Scalar, logits: shifted, state: accumulate(state, gradients(shifted, labels, onehot)) };
    },
  };
}

type Variant = (logits: tf.Tensor2D, onehot: tf.Tensor2D, state: Tensors, options: GalaOptions) => tf.Tensor2D;

const variants: Readonly<Record<GalaOptions['variant'], Variant>> = {
  // λ2's term is one number per row: it shifts the logits and changes neither loss nor gradient. The released code has it, so it stays.
  released: (logits, onehot, { theta, phi }, options) => tf.add(logits, margins(onehot, theta!, phi!, options)),
  paper: (logits, onehot, { theta, phi }, options) =>
    tf.add(logits, others(onehot, margins(onehot, theta!, phi!, options))),
  normalized: (logits, onehot, { theta, phi }, options) =>
    tf.add(logits, others(onehot, margins(onehot, overMean(theta!), overMean(phi!), options))),
};

/** λ1·log(θ_j + ε) − λ2·log(φ_y + ε), `[B, C]`. */
function margins(
  onehot: tf.Tensor2D,
  theta: tf.Tensor,
  phi: tf.Tensor,
  { lambda1, lambda2 }: GalaOptions,
): tf.Tensor2D {
  const classMargin = tf.mul(tf.log(tf.add(theta, epsilon)), lambda1);
  const phiOfSample = tf.matMul(onehot, tf.expandDims(phi, 1) as tf.Tensor2D);
  return tf.sub(classMargin, tf.mul(tf.log(tf.add(phiOfSample, epsilon)), lambda2));
}

/** `values` where j ≠ y, 0 at the sample's own class. */
function others(onehot: tf.Tensor2D, values: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(tf.sub(1, onehot), values);
}

function overMean(statistic: tf.Tensor): tf.Tensor {
  return tf.div(statistic, tf.add(tf.mean(statistic), 1e-12));
}

/** What this step's gradients add to θ, φ and ν. */
function gradients(shifted: tf.Tensor2D, labels: tf.Tensor1D, onehot: tf.Tensor2D): Statistics {
  const batchSize = shifted.shape[0];
  const classes = shifted.shape[1];
  const p = tf.softmax(shifted);
  const negative = others(onehot, p);
  const positive = tf.sub(1, tf.sum(tf.mul(onehot, p), 1)) as tf.Tensor1D;
  return {
    theta: sumByClass(tf.div(positive, batchSize), labels, classes),
    phi: sumByClass(tf.div(tf.sum(negative, 1), batchSize) as tf.Tensor1D, labels, classes),
    nu: tf.div(tf.sum(negative, 0), batchSize) as tf.Tensor1D,
  };
}

const accumulations: Readonly<Record<GalaOptions['accumulation'], (state: Tensors, step: Statistics) => Tensors>> = {
  plain: (state, step) => Object.fromEntries(statistics.map(name => [name, tf.add(state[name]!, step[name])])),
  // A sum of running sums: the released code adds the running sum at every step, so early steps weigh most.
  released: (state, step) =>
    Object.fromEntries(
      statistics.flatMap(name => {
        const running = tf.add(state[`${name}_running`]!, step[name]);
        return [
          [`${name}_running`, running],
          [name, tf.add(state[name]!, running)],
        ];
      }),
    ),
};

function initialState(classes: number, accumulation: GalaOptions['accumulation']): HostTensors {
  const names = statistics.flatMap(name => (accumulation === 'released' ? [name, `${name}_running`] : [name]));
  return Object.fromEntries(
    names.map(name => [name, { dtype: 'float32', shape: [classes], data: new Float32Array(classes) }]),
  );
}
