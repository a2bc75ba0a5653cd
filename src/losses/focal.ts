import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import type { Loss } from './loss.js';

/** Focal loss (Lin et al., ICCV 2017) in its softmax form: mean of (1 − p_y)^γ · ce. No state. */
export function focal({ gamma }: { gamma: number }): Loss {
  return {
    name: 'focal',
    init: () => ({}),
    apply: (logits, labels) => ({ loss: tf.mean(focalLosses(logits, labels, gamma)), logits, state: {} }),
  };
}

/** (1 − p_y)^γ · ce per sample `[B]`; with γ = 0 the cross-entropy itself. */
export function focalLosses(logits: tf.Tensor2D, labels: tf.Tensor1D, gamma: number): tf.Tensor1D {
  const losses = sparseSoftmaxCrossEntropy(logits, labels);
  if (gamma === 0) return losses;
  // Above 0, so that the gradient of a power below 1 stays finite where p_y rounds to 1.
  const missing = tf.maximum(tf.sub(1, tf.exp(tf.neg(losses))), 1e-7);
  return tf.mul(tf.pow(missing, gamma), losses);
}
