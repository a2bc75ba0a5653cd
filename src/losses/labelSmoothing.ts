import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import type { Loss } from './loss.js';

/**
 * Label smoothing (Szegedy et al., CVPR 2016) as `torch.nn.functional.cross_entropy`: mean cross-entropy with the targets
 * (1 − ε)·onehot + ε/C. No state.
 */
export function labelSmoothing({ epsilon }: { epsilon: number }): Loss {
  return {
    name: 'label_smoothing',
    init: () => ({}),
    apply: (logits, labels) => {
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat();
      // −Σ_j log p_j / C = ce + z_y − Σ_j z_j / C
      const spread = tf.sub(tf.sum(tf.mul(onehot, logits), 1), tf.mean(logits, 1));
      const losses = tf.add(sparseSoftmaxCrossEntropy(logits, labels), tf.mul(spread, epsilon));
      return { loss: tf.mean(losses) as tf.Scalar, logits, state: {} };
    },
  };
}
