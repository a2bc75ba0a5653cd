/**
 * Class weights by the effective number of samples (Cui et al., CVPR 2019), and their deferral (DRW: Cao et al.,
 * NeurIPS 2019).
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { z } from 'zod';
import type { HostTensor } from '../tensor.js';
import type { Kernels } from './loss.js';

/** β of the effective number (1 − β^n) / (1 − β). */
export const betaSchema = z.number().min(0).lt(1).default(0.9999);

/** Larger than the rounding error of epoch / epochs, and much smaller than one epoch. */
const rounding = 1e-6;

/**
 * w_c ∝ (1 − β) / (1 − β^n_c) scaled to Σ w = C, `[C]`. A class without images counts as a class of one image.
 */
export function effectiveNumberWeights(classCounts: Int32Array, beta: number): HostTensor {
  const inverse = Array.from(classCounts, count => 1 / (1 - beta ** Math.max(count, 1)));
  const total = inverse.reduce((sum, value) => sum + value, 0);
  const data = Float32Array.from(inverse, value => (value * classCounts.length) / total);
  return { dtype: 'float32', shape: [classCounts.length], data };
}

/**
 * The weight of each sample `[B]`: that of its class in `weights` `[C]` once the fraction `from` of the training is
 * over, 1 before. `onehot` are the labels `[B, C]`. `progress` [] is the fraction that is over; not needed if `from` is
 * 0.
 */
export function sampleWeights(
  weights: Tensor,
  onehot: Tensor2D,
  from: number,
  progress: Scalar | undefined,
  { tf }: Kernels,
): Tensor1D {
  const ofSamples = tf.squeeze(tf.matMul(onehot, tf.expandDims(weights, 1) as Tensor2D), [1]) as Tensor1D;
  if (from === 0) return ofSamples;
  const begun = tf.cast(tf.greaterEqual(progress!, from - rounding), 'float32');
  return tf.add(tf.mul(ofSamples, begun), tf.sub(1, begun));
}
