/**
 * Prediction re-balancing: divide each class's probability by the mass the model gives that class over the WHOLE set.
 * It is transductive, so it works on stored logits of a whole split and never on a batch.
 */
import { ConfigError, DataError } from '../errors.js';
import { shiftedPredictions, softmaxSums } from './kernels/logitKernels.js';
import { labelCounts } from './metrics.js';

/** The largest allowed τ of re-balancing and of logit adjustment. */
export const largestTau = 1000;

/** Plain predictions of logits [N, C], with the numbers that re-balancing and calibration need. */
export interface Softmax {
  /** [N]: the class of the largest logit, of equal ones the lowest. */
  readonly predictions: Int32Array;
  /** [N]: softmax probability of the predicted class. */
  readonly confidences: Float64Array;
  /** [C]: mass_j = Σ_i w_i·softmax(z_i)_j. */
  readonly mass: Float64Array;
}

/**
 * Softmax in float64 of logits [N, C], or of the float32 numbers z_ij − shift_j; w_i = 1 without `weights` [N].
 * Throws `DataError` for NaN, +∞ or a row of −∞.
 */
export function softmaxOf(
  logits: Float32Array,
  classes: number,
  weights?: Float64Array,
  shifts?: Float64Array,
): Softmax {
  const images = rowsOf(logits, classes);
  const { predictions, sums, mass } = softmaxSums(logits, classes, weights, shifts);
  for (let i = 0; i < images; i++)
    if (!(sums[i]! < Infinity)) throw unusable(logits.subarray(i * classes, (i + 1) * classes), i);
  return { predictions, confidences: sums.map(sum => 1 / sum), mass };
}

/** mass [C] of `softmaxOf`, with its errors. */
export function predictedMass(logits: Float32Array, classes: number, weights?: Float64Array): Float64Array {
  return softmaxOf(logits, classes, weights).mass;
}

/** [C]: the mass of p_ij / mass_j^τ made probabilities again, with the errors of `softmaxOf`. */
export function rebalancedMass(logits: Float32Array, mass: Float64Array, tau: number): Float64Array {
  return softmaxOf(logits, mass.length, undefined, rebalanceShift(mass, tau)).mass;
}

/**
 * Re-balanced predictions ŷ_i = argmax_j p_ij / mass_j^τ of logits [N, C] of a whole split, for several τ by their
 * softmax: [N] each, in the order of `taus`; τ = 0 is the plain prediction. Of equal scores the lowest class wins; a
 * class of zero mass is never predicted. Throws `ConfigError` for an unusable τ. Source: GALA (arXiv 2403.09036),
 * "prediction re-balancing strategy".
 */
export function rebalanceSweep(
  logits: Float32Array,
  { predictions: plain, mass }: Pick<Softmax, 'predictions' | 'mass'>,
  taus: readonly number[],
): Int32Array[] {
  for (const tau of taus) checkTau(tau);
  if (taus.length === 0) return [];
  const classes = mass.length;
  const shifts = taus.map(tau => rebalanceShift(mass, tau));
  const argmax = (tau: number) => (tau === 0 ? plain : shiftedPredictions(logits, shifts[taus.indexOf(tau)]!));
  const [lowest, highest] = [Math.min(...taus), Math.max(...taus)];
  const first = argmax(lowest);
  if (lowest === highest) return taus.map(() => first.slice());
  const last = argmax(highest);
  const predictions = taus.map(() => first.slice());
  const [lowestShift, highestShift] = [shifts[taus.indexOf(lowest)]!, shifts[taus.indexOf(highest)]!];
  const candidates = new Int32Array(classes);
  for (let i = 0; i < first.length; i++) {
    if (first[i] === last[i]) continue;
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const count = possibleWinners(row, lowestShift, highestShift, first[i]!, last[i]!, candidates);
    const few = candidates.subarray(0, count);
    for (let t = 0; t < shifts.length; t++) predictions[t]![i] = shiftedArgmax(row, shifts[t]!, few);
  }
  return predictions;
}

/**
 * The number that re-balancing subtracts from the logits of each class [C]: log(p/mass^τ) = z − τ·log mass −
 * logΣexp(z), in which the last term is the same for all classes and does not change their order.
 */
export function rebalanceShift(mass: Float64Array, tau: number): Float64Array {
  return mass.map(m => (tau === 0 ? 0 : m === 0 ? Infinity : tau * Math.log(m)));
}

/**
 * Weights [N] that make every class that occurs in the labels count the same: 1 / (images of the label's class). Throws
 * `DataError`.
 */
export function uniformPriorWeights(labels: Int32Array, classes: number): Float64Array {
  const counts = labelCounts(labels, classes);
  return Float64Array.from(labels, label => 1 / counts[label]!);
}

function shiftedArgmax(row: Float32Array, shift: Float64Array, among: Int32Array): number {
  let best = among[0]!;
  let bestScore = row[best]! - shift[best]!;
  for (let k = 1; k < among.length; k++) {
    const j = among[k]!;
    const score = row[j]! - shift[j]!;
    if (score > bestScore) {
      bestScore = score;
      best = j;
    }
  }
  return best;
}

/**
 * Scores are straight lines in τ. A class that wins somewhere inside the range must reach the first winner at the
 * upper end and the last winner at the lower end, which leaves a handful of lines. Returns how many, ascending, are in
 * `into`.
 */
function possibleWinners(
  row: Float32Array,
  lowest: Float64Array,
  highest: Float64Array,
  first: number,
  last: number,
  into: Int32Array,
): number {
  const firstAtTop = row[first]! - highest[first]!;
  const lastAtBottom = row[last]! - lowest[last]!;
  let count = 0;
  for (let j = 0; j < row.length; j++) {
    if (row[j]! - highest[j]! >= firstAtTop && row[j]! - lowest[j]! >= lastAtBottom) into[count++] = j;
  }
  return count;
}

function checkTau(tau: number): void {
  if (!(tau >= 0 && tau <= largestTau)) {
    throw new ConfigError(`τ of prediction re-balancing must be a number from 0 to ${largestTau}, not ${tau}.`, {
      where: 'tau',
      next: 'Use 0 for plain predictions, 1 for full re-balancing; published runs use 1 to 1.7.',
    });
  }
}

function rowsOf(logits: Float32Array, classes: number): number {
  const images = logits.length / classes;
  if (!Number.isInteger(images) || classes < 1) {
    throw new DataError(`${logits.length} logits do not make rows of ${classes} classes.`, {
      where: 'logits',
      next: 'Check that logits and class names come from the same run.',
    });
  }
  return images;
}

/** What is wrong with a row whose softmax is NaN. */
function unusable(row: Float32Array, image: number): DataError {
  const klass = Math.max(
    0,
    row.findIndex(logit => !(logit < Infinity)),
  );
  return new DataError(`The logits hold ${row[klass]}, so there is nothing to rank.`, {
    where: `image ${image}, class ${klass}`,
    next: 'The model diverged or the file is damaged: evaluate an earlier checkpoint.',
  });
}
