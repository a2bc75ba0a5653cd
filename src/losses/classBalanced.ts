import * as tf from '@tensorflow/tfjs';
import { effectiveNumberWeights, sampleWeights } from './effectiveNumber.js';
import { focalLosses } from './focal.js';
import type { Loss } from './loss.js';

/**
 * Class-balanced loss by the effective number of samples (Cui et al., CVPR 2019): Σ_i w_y · (1 − p_y)^γ · ce_i / B with
 * w_c ∝ (1 − β) / (1 − β^n_c) scaled to Σ w = C; γ = 0 is the softmax cross-entropy. The weights are 1 until the fraction
 * `reweight_from` of training is over (deferred re-weighting). State: `weights` `[C]`, constant.
 */
export function classBalanced(options: { beta: number; gamma: number; reweight_from: number }): Loss {
  const { beta, gamma, reweight_from } = options;
  return {
    name: 'class_balanced',
    usesProgress: reweight_from > 0,
    init: classCounts => ({ weights: effectiveNumberWeights(classCounts, beta) }),
    apply: (logits, labels, { weights }, progress) => {
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as tf.Tensor2D;
      const ofSamples = sampleWeights(weights!, onehot, reweight_from, progress);
      const losses = tf.mul(focalLosses(logits, labels, gamma), ofSamples);
      return { loss: tf.mean(losses), logits, state: {} };
    },
  };
}
