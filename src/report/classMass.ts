/** The probability that a model gives each class over a whole split. */
import { predictedMass } from '../eval/rebalance.js';

/** [C] each, in images. */
export interface ClassMass {
  /** Σ_i p_ij. */
  readonly before: Float64Array;
  /** The same for p_ij / mass_j^τ made probabilities again. */
  readonly after: Float64Array;
}

/** Predicted mass after re-balancing at `tau` beside `before` [C], the mass of logits [N, C]. Throws `DataError`. */
export function classMass(logits: Float32Array, before: Float64Array, tau: number): ClassMass {
  const classes = before.length;
  // log(p / mass^τ) is z − τ·log mass up to one number per row, which the softmax takes away again.
  const shifts = before.map(mass => (mass === 0 ? Infinity : tau * Math.log(mass)));
  const shifted = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += classes)
    for (let klass = 0; klass < classes; klass++) shifted[row + klass] = logits[row + klass]! - shifts[klass]!;
  return { before, after: predictedMass(shifted, classes) };
}
