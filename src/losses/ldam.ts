import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { z } from 'zod';
import { fraction } from '../ranges.js';
import { betaSchema, effectiveNumberWeights, sampleWeights } from './effectiveNumber.js';
import { defineLoss } from './loss.js';

/**
 * Label-distribution-aware margins (Cao et al., NeurIPS 2019, kaidic/LDAM-DRW) on the logits s·cos of a cosine head
 * with scale s: cross-entropy of s·(cos_j − m_y·[j = y]) with m_c ∝ n_c^(−1/4); the largest margin is
 * `max_margin`. Once the fraction `reweight_from` of the training is over, the mean is weighted by effective numbers,
 * Σ w_y·ce / Σ w_y (DRW). State: `margins` (s·m) and `weights` `[C]`, constant. A class without images counts as a
 * class of one image.
 */
export const ldam = defineLoss({
  description: 'Label-distribution-aware margins on cosine logits, with deferred re-weighting.',
  keys: {
    max_margin: z.number().min(0).max(2).default(0.5).describe('Margin of the rarest class, in cosines.'),
    beta: betaSchema.describe('β of the effective number, for the weights of DRW.'),
    reweight_from: fraction
      .default(0.8)
      .describe('Fraction of training after which classes are re-weighted (DRW); 0 = from the start, 1 = never.'),
  },
  needsCosineHead: 'whose margins are measured in cosines',
  inMicroBatches: 'the weighted mean of DRW is taken over each micro-batch, not over the batch',
  create: ({ max_margin, beta, reweight_from }, kernels, scale) => ({
    usesProgress: reweight_from > 0,
    init: classCounts => {
      const roots = Array.from(classCounts, count => Math.max(count, 1) ** -0.25);
      const largest = Math.max(...roots);
      const margins = Float32Array.from(roots, root => (scale * max_margin * root) / largest);
      return {
        margins: { dtype: 'float32', shape: [classCounts.length], data: margins },
        weights: effectiveNumberWeights(classCounts, beta),
      };
    },
    apply: (logits, labels, { margins, weights }, progress) => {
      const { tf, sparseSoftmaxCrossEntropy } = kernels;
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as Tensor2D;
      const shifted = tf.sub(logits, tf.mul(onehot, margins!)) as Tensor2D;
      const losses = sparseSoftmaxCrossEntropy(shifted, labels);
      const ofSamples = sampleWeights(weights!, onehot, reweight_from, progress, kernels);
      const loss = tf.div(tf.sum(tf.mul(losses, ofSamples)), tf.sum(ofSamples)) as Scalar;
      return { loss, state: {} };
    },
  }),
});
