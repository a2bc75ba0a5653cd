import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { z } from 'zod';
import { defineLoss, type Kernels } from './loss.js';

/** γ, the exponent of the focal factor. */
export const gammaSchema = z.number().min(0).max(10);

/** Focal loss (Lin et al., ICCV 2017) in its softmax form: mean of (1 − p_y)^γ · ce. No state. */
export const focal = defineLoss({
  description: 'Focal loss of the softmax.',
  keys: { gamma: gammaSchema.default(2).describe('γ: exponent of (1 − p) of the sample’s class.') },
  create: ({ gamma }, kernels) => ({
    init: () => ({}),
    apply: (logits, labels) => ({ loss: kernels.tf.mean(focalLosses(logits, labels, gamma, kernels)), state: {} }),
  }),
});

/** (1 − p_y)^γ · ce of each sample, `[B]`; with γ = 0 the cross-entropy. */
export function focalLosses(logits: Tensor2D, labels: Tensor1D, gamma: number, kernels: Kernels): Tensor1D {
  const { tf } = kernels;
  const losses = kernels.sparseSoftmaxCrossEntropy(logits, labels);
  if (gamma === 0) return losses;
  // At least 1e-7: where p_y rounds to 1, the gradient of a power below 1 would be infinite.
  const missing = tf.maximum(tf.sub(1, tf.exp(tf.neg(losses))), 1e-7);
  return tf.mul(tf.pow(missing, gamma), losses);
}
