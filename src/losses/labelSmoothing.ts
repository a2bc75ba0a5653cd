import type { Scalar } from '@tensorflow/tfjs';
import { z } from 'zod';
import { defineLoss } from './loss.js';

/**
 * Label smoothing (Szegedy et al., CVPR 2016) as `torch.nn.functional.cross_entropy`: mean cross-entropy with the
 * targets (1 − ε)·onehot + ε/C. No state.
 */
export const labelSmoothing = defineLoss({
  description: 'Cross-entropy with smoothed labels.',
  keys: {
    epsilon: z.number().min(0).lt(1).default(0.1).describe('ε: share of the target spread over all classes.'),
  },
  create: ({ epsilon }, { tf, sparseSoftmaxCrossEntropy }) => ({
    init: () => ({}),
    apply: (logits, labels) => {
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat();
      // −Σ_j log p_j / C = ce + z_y − Σ_j z_j / C
      const spread = tf.sub(tf.sum(tf.mul(onehot, logits), 1), tf.mean(logits, 1));
      const losses = tf.add(sparseSoftmaxCrossEntropy(logits, labels), tf.mul(spread, epsilon));
      return { loss: tf.mean(losses) as Scalar, state: {} };
    },
  }),
});
