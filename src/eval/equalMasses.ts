/**
 * Re-balancing to equal masses: each class's probability is divided by a factor of the class, so that the model gives
 * all classes the same mass over the WHOLE set. No τ is left to choose. The factors are unique but for a common one:
 * Sinkhorn's scaling, with which Peng, Sun & Zhang (ICLR 2022) transport predictions to classes.
 */
import { type Softmax, softmaxOf } from './rebalance.js';

/** The search ends when every mass is equal to a thousandth, or no longer improves. */
const tolerance = 1e-3;
const mostRounds = 100;
const roundsWithoutGain = 10;
/** Rounds that Anderson's acceleration looks back. */
const depth = 5;

interface Round {
  /** [C]: log of the factors. */
  readonly shift: Float64Array;
  /** [C]: log(mass / equal mass). Dividing by the masses again, Sinkhorn's step, adds it to the shift. */
  readonly residual: Float64Array;
  /** The largest |residual|. */
  readonly error: number;
}

/**
 * [C]: what is subtracted from the logits [N, C], whose softmax is given, before softmax and argmax. Infinity for a
 * class of zero mass, which is never predicted. w_i = 1 without `weights` [N]. Throws `DataError` for unusable logits.
 */
export function equalMassShift(
  logits: Float32Array,
  { mass }: Pick<Softmax, 'mass'>,
  weights?: Float64Array,
): Float64Array {
  const present = mass.map(m => (m > 0 ? 1 : 0));
  const equal = sum(mass) / sum(present);
  const roundOf = (shift: Float64Array, reached: Float64Array): Round => {
    const residual = reached.map((m, j) => (present[j] === 0 || m === 0 ? 0 : Math.log(m / equal)));
    return { shift, residual, error: residual.reduce((largest, r) => Math.max(largest, Math.abs(r)), 0) };
  };
  let best = roundOf(
    present.map(isPresent => (isPresent ? 0 : Infinity)),
    mass,
  );
  let history = [best];
  let idle = 0;
  for (let round = 0; round < mostRounds && best.error > tolerance && idle < roundsWithoutGain; round++) {
    const shift = acceleratedStep(history);
    const next = roundOf(shift, softmaxOf(logits, mass.length, weights, shift).mass);
    idle = next.error < best.error ? 0 : idle + 1;
    if (next.error < best.error) best = next;
    // A step that led far away is taken back.
    history = next.error > 10 * best.error ? [best] : [...history, next].slice(-depth - 1);
  }
  return best.shift;
}

/**
 * The next shift by Anderson's acceleration (1965): Sinkhorn's step from the mixture of the rounds with the smallest
 * residual, to first order. Trained networks need a third to a ninth of the rounds of Sinkhorn's step alone.
 */
function acceleratedStep(history: readonly Round[]): Float64Array {
  const last = history.at(-1)!;
  const changes = history.slice(0, -1).map(({ shift, residual }) => ({
    shift: difference(last.shift, shift),
    residual: difference(last.residual, residual),
  }));
  const weights = leastSquares(
    changes.map(({ residual }) => residual),
    last.residual,
  );
  return last.shift.map((value, j) =>
    changes.reduce(
      (total, { shift, residual }, k) => total - weights[k]! * (shift[j]! + residual[j]!),
      value + last.residual[j]!,
    ),
  );
}

/** The weights of `vectors` whose sum comes nearest to `target`; the normal equations by elimination. */
function leastSquares(vectors: readonly Float64Array[], target: Float64Array): number[] {
  const rows = vectors.map((row, k) => [
    // A share of the diagonal keeps vectors apart that are nearly parallel.
    ...vectors.map((column, c) => dot(row, column) * (c === k ? 1 + 1e-10 : 1)),
    dot(row, target),
  ]);
  const size = vectors.length;
  for (let k = 0; k < size; k++) {
    for (let r = 0; r < size; r++) {
      if (r === k || rows[k]![k] === 0) continue;
      const factor = rows[r]![k]! / rows[k]![k]!;
      for (let c = k; c <= size; c++) rows[r]![c]! -= factor * rows[k]![c]!;
    }
  }
  return rows.map((row, k) => (row[k] === 0 ? 0 : row[size]! / row[k]!));
}

/** a − b; 0 where both are infinite. */
function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, j) => (value === b[j] ? 0 : value - b[j]!));
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, value, j) => total + value * b[j]!, 0);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
