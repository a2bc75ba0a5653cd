import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import { effectiveNumberWeights, sampleWeights } from './effectiveNumber.js';
import type { Loss } from './loss.js';

/**
 * Label-distribution-aware margins (Cao et al., NeurIPS 2019, kaidic/LDAM-DRW) on logits s·cos of a cosine head of scale s: cross-entropy
 * of s·(cos_j − m_y·[j = y]) with m_c ∝ n_c^(−1/4), the largest being `max_margin`. Once the fraction `reweight_from` of
 * training is over, its mean is weighted by effective numbers, Σ w_y·ce / Σ w_y (DRW). State: `margins` (s·m) and `weights`
 * `[C]`, constant. A class without images has the margin of one image.
 */
export function ldam(
  { max_margin, beta, reweight_from }: { max_margin: number; beta: number; reweight_from: number },
  scale: number,
): Loss {
  return {
    name: 'ldam',
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
      const onehot = tf.oneHot(labels, logits.shape[1]).toFloat() as tf.Tensor2D;
      const shifted = tf.sub(logits, tf.mul(onehot, margins!)) as tf.Tensor2D;
      const losses = sparseSoftmaxCrossEntropy(shifted, labels);
      const ofSamples = sampleWeights(weights!, onehot, reweight_from, progress);
      const loss = tf.div(tf.sum(tf.mul(losses, ofSamples)), tf.sum(ofSamples)) as tf.Scalar;
      return { loss, logits: shifted, state: {} };
    },
  };
}
