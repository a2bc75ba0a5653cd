import * as tf from '@tensorflow/tfjs';
import { focalLosses } from './focal.js';
import type { Loss } from './loss.js';

/**
 * Class-balanced loss by the effective number of samples (Cui et al., CVPR 2019): Σ_i w_y · (1 − p_y)^γ · ce_i / B with
 * w_c ∝ (1 − β) / (1 − β^n_c) scaled to Σ w = C; γ = 0 is the softmax cross-entropy. State: `weights` `[C]`, constant.
 * A class without images has the weight of one image.
 */
export function classBalanced({ beta, gamma }: { beta: number; gamma: number }): Loss {
  return {
    name: 'class_balanced',
    init: classCounts => {
      const inverse = Array.from(classCounts, count => 1 / (1 - beta ** Math.max(count, 1)));
      const total = inverse.reduce((sum, value) => sum + value, 0);
      const weights = Float32Array.from(inverse, value => (value * classCounts.length) / total);
      return { weights: { dtype: 'float32', shape: [classCounts.length], data: weights } };
    },
    apply: (logits, labels, { weights }) => {
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as tf.Tensor2D;
      const ofSamples = tf.squeeze(tf.matMul(onehot, tf.expandDims(weights!, 1) as tf.Tensor2D), [1]);
      const losses = tf.mul(focalLosses(logits, labels, gamma), ofSamples);
      return { loss: tf.mean(losses), logits, state: {} };
    },
  };
}
