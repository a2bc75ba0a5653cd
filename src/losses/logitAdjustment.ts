import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import type { Loss } from './loss.js';

/**
 * Logit adjustment (Menon et al., ICLR 2021): mean cross-entropy of z_j + τ·log π_j with the prior π_j = n_j / Σn of the
 * training images. State: `prior_margin` `[C]`, constant. A class without images has the margin of one image.
 */
export function logitAdjustment({ tau }: { tau: number }): Loss {
  return {
    name: 'logit_adjustment',
    init: classCounts => {
      const total = classCounts.reduce((sum, count) => sum + count, 0);
      const margins = Float32Array.from(classCounts, count => tau * Math.log(Math.max(count, 1) / total));
      return { prior_margin: { dtype: 'float32', shape: [classCounts.length], data: margins } };
    },
    apply: (logits, labels, { prior_margin }) => {
      const shifted = tf.add(logits, prior_margin!) as tf.Tensor2D;
      return { loss: tf.mean(sparseSoftmaxCrossEntropy(shifted, labels)), logits: shifted, state: {} };
    },
  };
}

/** Balanced softmax (Ren et al., NeurIPS 2020): z_j + log n_j, which is logit adjustment at τ = 1, since softmax ignores log Σn. */
export function balancedSoftmax(): Loss {
  return { ...logitAdjustment({ tau: 1 }), name: 'balanced_softmax' };
}
