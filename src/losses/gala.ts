/**
 * Gradient-Aware Logit Adjustment (Zhang et al., ICASSP 2024, arXiv 2403.09036): margins from gradients accumulated per
 * class. With p = softmax of the shifted logits (margins included) and g = (p − onehot(y)) / B, the gradient of the
 * mean loss:
 *   θ_j positive gradient of classifier j: Σ |g_ij| over samples i of class j,
 *   φ_k negative gradient caused by class k: Σ_{j≠k} |g_ij| over samples i of class k,
 *   ν_j negative gradient received by classifier j: Σ |g_ij| over samples of other classes (recorded, not used).
 * The margins of a step depend on the statistics of the earlier steps.
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { z } from 'zod';
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';
import { defineLoss, type Kernels, type OptionsOf } from './loss.js';

const weight = z.number().min(0).max(10).default(1);

const keys = {
  lambda1: weight.describe('λ1: weight of log(θ + ε), the positive-gradient margin.'),
  lambda2: weight.describe('λ2: weight of log(φ + ε), the negative-gradient margin of the sample’s class.'),
  variant: z
    .enum(['released', 'paper', 'normalized'])
    .default('released')
    .describe('Which formula of the margins; see docs/method.md.'),
  accumulation: z
    .enum(['released', 'plain'])
    .default('released')
    .describe('How θ and φ add up over steps; see docs/method.md.'),
};

type GalaOptions = OptionsOf<typeof keys>;

/** Added to a statistic before its logarithm. */
const epsilon = 1e-3;
const statistics = ['theta', 'phi', 'nu'] as const;
type Statistics = Record<(typeof statistics)[number], Tensor1D>;

/**
 * State: `theta`, `phi` and `nu` `[C]`; with `accumulation: released` also the running sums `theta_running`…, which
 * are added to them at every step (as in the released code).
 */
export const gala = defineLoss({
  description: 'Gradient-aware logit adjustment.',
  keys,
  withoutEffect: ({ variant }) => ({
    ...(variant === 'released' && {
      lambda2:
        'has no effect on the gradient: in the variant released it shifts all logits of a row by one number; ' +
        'see docs/method.md',
    }),
  }),
  create: (options, kernels) => ({
    init: classCounts => initialState(classCounts.length, options.accumulation),
    apply: (logits, labels, state) => {
      const { tf } = kernels;
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as Tensor2D;
      const shifted = variants[options.variant]({ logits, onehot, theta: state.theta!, phi: state.phi! }, options, tf);
      const loss = tf.mean(kernels.sparseSoftmaxCrossEntropy(shifted, labels));
      const step = gradients(shifted, labels, onehot, kernels);
      return { loss: loss as Scalar, state: accumulations[options.accumulation](state, step, tf) };
    },
  }),
});

type Tf = Kernels['tf'];

interface MarginInput {
  /** `[B, C]` */
  readonly logits: Tensor2D;
  /** One-hot labels, `[B, C]`. */
  readonly onehot: Tensor2D;
  /** `[C]` */
  readonly theta: Tensor;
  readonly phi: Tensor;
}

/** The shifted logits `[B, C]`. */
type Variant = (input: MarginInput, options: GalaOptions, tf: Tf) => Tensor2D;

const variants: Readonly<Record<GalaOptions['variant'], Variant>> = {
  // The term of λ2 adds one number to a whole row of logits, so it changes neither loss nor gradient. It is here
  // because the released code has it.
  released: (input, options, tf) => tf.add(input.logits, margins(input, options, tf)),
  paper: (input, options, tf) => tf.add(input.logits, others(input.onehot, margins(input, options, tf), tf)),
  normalized: ({ theta, phi, ...input }, options, tf) => {
    const overMeans = { ...input, theta: overMean(theta, tf), phi: overMean(phi, tf) };
    return tf.add(input.logits, others(input.onehot, margins(overMeans, options, tf), tf));
  },
};

/** λ1·log(θ_j + ε) − λ2·log(φ_y + ε), `[B, C]`. */
function margins({ onehot, theta, phi }: MarginInput, { lambda1, lambda2 }: GalaOptions, tf: Tf): Tensor2D {
  const classMargin = tf.mul(tf.log(tf.add(theta, epsilon)), lambda1);
  const phiOfSample = tf.matMul(onehot, tf.expandDims(phi, 1) as Tensor2D);
  return tf.sub(classMargin, tf.mul(tf.log(tf.add(phiOfSample, epsilon)), lambda2));
}

/** `values` where j ≠ y, 0 at the sample's own class. */
function others(onehot: Tensor2D, values: Tensor2D, tf: Tf): Tensor2D {
  return tf.mul(tf.sub(1, onehot), values);
}

function overMean(statistic: Tensor, tf: Tf): Tensor {
  return tf.div(statistic, tf.add(tf.mean(statistic), 1e-12));
}

/** The gradients of this step, which are added to θ, φ and ν. */
function gradients(shifted: Tensor2D, labels: Tensor1D, onehot: Tensor2D, { tf, sumByClass }: Kernels): Statistics {
  const batchSize = shifted.shape[0];
  const classes = shifted.shape[1];
  const p = tf.softmax(shifted);
  const negative = others(onehot, p, tf);
  const positive = tf.sub(1, tf.sum(tf.mul(onehot, p), 1)) as Tensor1D;
  return {
    theta: sumByClass(tf.div(positive, batchSize), labels, classes),
    phi: sumByClass(tf.div(tf.sum(negative, 1), batchSize) as Tensor1D, labels, classes),
    nu: tf.div(tf.sum(negative, 0), batchSize) as Tensor1D,
  };
}

type Accumulation = (state: Tensors, step: Statistics, tf: Tf) => Tensors;

const accumulations: Readonly<Record<GalaOptions['accumulation'], Accumulation>> = {
  plain: (state, step, tf) => Object.fromEntries(statistics.map(name => [name, tf.add(state[name]!, step[name])])),
  // The released code adds the running sum at every step: a sum of running sums, in which early steps count most.
  released: (state, step, tf) =>
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
