/**
 * Prediction re-balancing: divide each class's probability by the mass the model gives that class over the WHOLE set.
 * It is transductive, so it works on stored logits of a whole split and never on a batch.
 */
import { ConfigError, DataError } from '../errors.js';
import { labelCounts } from './metrics.js';

/** The largest τ taken, of re-balancing and of logit adjustment. */
export const largestTau = 1000;

/** Predicted class of each row of float32 logits [N, C]; of equal logits the lowest class. Throws `DataError` for NaN or infinity. */
export function plainPredictions(logits: Float32Array, classes: number): Int32Array {
  const images = rowsOf(logits, classes);
  const predictions = new Int32Array(images);
  for (let i = 0; i < images; i++) {
    const start = i * classes;
    let best = 0;
    for (let j = 0; j < classes; j++) {
      const logit = logits[start + j]!;
      if (!(logit < Infinity)) throw notANumber(i, j, logit);
      if (logit > logits[start + best]!) best = j;
    }
    if (logits[start + best] === -Infinity) throw notANumber(i, best, -Infinity);
    predictions[i] = best;
  }
  return predictions;
}

/**
 * mass_j = Σ_i w_i·softmax(z_i)_j over all rows of logits [N, C], in float64; w_i = 1 without `weights` [N].
 * Throws `DataError` for NaN or infinite logits.
 */
export function predictedMass(logits: Float32Array, classes: number, weights?: Float64Array): Float64Array {
  const images = rowsOf(logits, classes);
  const mass = new Float64Array(classes);
  const exponentials = new Float64Array(classes);
  for (let i = 0; i < images; i++) {
    const start = i * classes;
    let largest = -Infinity;
    for (let j = 0; j < classes; j++) if (logits[start + j]! > largest) largest = logits[start + j]!;
    let sum = 0;
    for (let j = 0; j < classes; j++) {
      const exponential = Math.exp(logits[start + j]! - largest);
      exponentials[j] = exponential;
      sum += exponential;
    }
    // NaN, +∞ and a row of −∞ all end up here, at no cost per logit.
    if (!(sum < Infinity)) throw notANumber(i, firstUnusable(logits, start, classes));
    const scale = (weights === undefined ? 1 : weights[i]!) / sum;
    for (let j = 0; j < classes; j++) mass[j]! += exponentials[j]! * scale;
  }
  return mass;
}

/**
 * Re-balanced prediction ŷ_i = argmax_j p_ij / mass_j^τ for logits [N, C] of a whole split; τ = 0 is the plain prediction.
 * Of equal scores the lowest class wins; a class of zero mass is never predicted. Throws `ConfigError` for an unusable τ and
 * `DataError` for unusable logits. Source: GALA (arXiv 2403.09036), "prediction re-balancing strategy".
 */
export function rebalance(logits: Float32Array, classes: number, tau: number, weights?: Float64Array): Int32Array {
  return rebalanceSweep(logits, classes, [tau], weights)[0]!;
}

/** `rebalance` for several τ at the cost of one softmax: predictions in the order of `taus`. */
export function rebalanceSweep(
  logits: Float32Array,
  classes: number,
  taus: readonly number[],
  weights?: Float64Array,
): Int32Array[] {
  for (const tau of taus) checkTau(tau);
  const mass = predictedMass(logits, classes, weights);
  const images = logits.length / classes;
  // log(p/mass^τ) = z − τ·log mass − logΣexp(z), and the last term is one number per row: it cannot move the argmax.
  const shifts = taus.map(tau => mass.map(m => (tau === 0 ? 0 : m === 0 ? Infinity : tau * Math.log(m))));
  const predictions = taus.map(() => new Int32Array(images));
  if (taus.length === 0) return predictions;
  const lowest = shifts[taus.indexOf(Math.min(...taus))]!;
  const highest = shifts[taus.indexOf(Math.max(...taus))]!;
  const everyClass = Int32Array.from({ length: classes }, (_, j) => j);
  const candidates = new Int32Array(classes);
  for (let i = 0; i < images; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const first = shiftedArgmax(row, lowest, everyClass);
    const last = shiftedArgmax(row, highest, everyClass);
    if (first === last) {
      for (const prediction of predictions) prediction[i] = first;
      continue;
    }
    const count = possibleWinners(row, lowest, highest, first, last, candidates);
    const few = candidates.subarray(0, count);
    for (let t = 0; t < shifts.length; t++) predictions[t]![i] = shiftedArgmax(row, shifts[t]!, few);
  }
  return predictions;
}

/** Weights [N] that make every class that occurs in the labels count the same: 1 / (images of the label's class). Throws `DataError`. */
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
 * Scores are straight lines in τ. A class that wins somewhere inside the range must reach the first winner at the upper end
 * and the last winner at the lower end, which leaves a handful of lines. Returns how many, ascending, are in `into`.
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

function firstUnusable(logits: Float32Array, start: number, classes: number): number {
  const row = logits.subarray(start, start + classes);
  return Math.max(
    0,
    row.findIndex(logit => !(logit < Infinity)),
  );
}

function notANumber(image: number, klass: number, logit?: number): DataError {
  return new DataError(`The logits hold ${logit ?? 'NaN or infinity'}, so there is nothing to rank.`, {
    where: `image ${image}, class ${klass}`,
    next: 'The model diverged or the file is damaged: evaluate an earlier checkpoint.',
  });
}
