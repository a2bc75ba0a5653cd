import type { Tensor2D } from '@tensorflow/tfjs';
import { z } from 'zod';
import { defineLoss } from './loss.js';

/**
 * Logit adjustment (Menon et al., ICLR 2021): mean cross-entropy of z_j + τ·log π_j with the prior π_j = n_j / Σn
 * of the training images. State: `prior_margin` `[C]`, constant. A class without images counts as a class of one image.
 */
export const logitAdjustment = defineLoss({
  description: 'Cross-entropy of the logits + τ · log prior.',
  keys: {
    tau: z.number().min(0).max(10).default(1).describe('τ: weight of the log prior added to the logits in training.'),
  },
  create: ({ tau }, { tf, sparseSoftmaxCrossEntropy }) => ({
    init: classCounts => {
      const total = classCounts.reduce((sum, count) => sum + count, 0);
      const margins = Float32Array.from(classCounts, count => tau * Math.log(Math.max(count, 1) / total));
      return { prior_margin: { dtype: 'float32', shape: [classCounts.length], data: margins } };
    },
    apply: (logits, labels, { prior_margin }) => {
      const shifted = tf.add(logits, prior_margin!) as Tensor2D;
      return { loss: tf.mean(sparseSoftmaxCrossEntropy(shifted, labels)), state: {} };
    },
  }),
});
