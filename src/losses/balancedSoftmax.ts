import { logitAdjustment } from './logitAdjustment.js';
import { defineLoss } from './loss.js';

/**
 * Balanced softmax (Ren et al., NeurIPS 2020): cross-entropy of z_j + log n_j, which is logit adjustment at τ = 1,
 * since softmax ignores log Σn.
 */
export const balancedSoftmax = defineLoss({
  description: 'Cross-entropy of the logits + log n.',
  keys: {},
  create: (_, kernels, scale) => logitAdjustment.create({ tau: 1 }, kernels, scale),
});
