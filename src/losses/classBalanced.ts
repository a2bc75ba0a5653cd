import type { Tensor2D } from '@tensorflow/tfjs';
import { fraction } from '../ranges.js';
import { betaSchema, effectiveNumberWeights, sampleWeights } from './effectiveNumber.js';
import { focalLosses, gammaSchema } from './focal.js';
import { defineLoss } from './loss.js';

/**
 * Class-balanced loss by the effective number of samples (Cui et al., CVPR 2019): Σ_i w_y · (1 − p_y)^γ · ce_i /
 * B with w_c ∝ (1 − β) / (1 − β^n_c), scaled to Σ w = C. γ = 0 gives the softmax cross-entropy. Until the
 * fraction `reweight_from` of the training is over, all weights are 1 (deferred re-weighting). State: `weights` `[C]`,
 * constant.
 */
export const classBalanced = defineLoss({
  description: 'Cross-entropy or focal loss weighted by the effective number of samples.',
  keys: {
    beta: betaSchema.describe('β of the effective number (1 − β^n) / (1 − β).'),
    gamma: gammaSchema.default(0).describe('γ of the focal factor; 0 = plain cross-entropy.'),
    reweight_from: fraction
      .default(0)
      .describe('Fraction of training after which the weights apply (DRW); 1 all before. 0 = from the start.'),
  },
  create: ({ beta, gamma, reweight_from }, kernels) => ({
    usesProgress: reweight_from > 0,
    init: classCounts => ({ weights: effectiveNumberWeights(classCounts, beta) }),
    apply: (logits, labels, { weights }, progress) => {
      const { tf } = kernels;
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as Tensor2D;
      const ofSamples = sampleWeights(weights!, onehot, reweight_from, progress, kernels);
      const losses = tf.mul(focalLosses(logits, labels, gamma, kernels), ofSamples);
      return { loss: tf.mean(losses), state: {} };
    },
  }),
});
