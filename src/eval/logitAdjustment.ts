/** Post-hoc logit adjustment: subtracts the class prior of training from the logits, image by image. */
import { ConfigError } from '../errors.js';
import { largestTau, softmaxOf } from './rebalance.js';

/**
 * Predictions argmax_j z_ij − log(π_j^τ + 1e-12) for logits [N, C], with the prior π_j = n_j / Σn of the training
 * images per class [C] (Menon et al., ICLR 2021; google-research `logit_adjustment/main.py`). Unlike re-balancing it
 * needs no other image. A class without training images counts as one image. Throws `ConfigError` for an unusable τ,
 * `DataError` for unusable logits.
 */
export function logitAdjustedPredictions(logits: Float32Array, classCounts: Int32Array, tau: number): Int32Array {
  if (!(tau >= 0 && tau <= largestTau)) {
    throw new ConfigError(`τ of logit adjustment must be a number from 0 to ${largestTau}, not ${tau}.`, {
      where: '--logit-adjustment',
      next: 'Use 0 for plain predictions, 1 for the whole prior; published runs use 0.5 to 2.',
    });
  }
  return softmaxOf(logits, classCounts.length, undefined, adjustmentShift(classCounts, tau)).predictions;
}

/** The number that adjustment subtracts from the logits of each class [C]: log(π_j^τ + 1e-12). */
export function adjustmentShift(classCounts: Int32Array, tau: number): Float64Array {
  const counted = classCounts.map(count => Math.max(count, 1));
  const total = counted.reduce((sum, count) => sum + count, 0);
  return Float64Array.from(counted, count => Math.log((count / total) ** tau + 1e-12));
}
