/** Logits → the most probable classes of each image, plain or re-balanced. */
import { DataError } from '../errors.js';

export interface RankedClass {
  readonly label: number;
  /** A fraction. */
  readonly probability: number;
}

/** Re-balancing divides each probability by mass^τ. */
export interface Rebalancing {
  readonly tau: number;
  /** `[C]`, the predicted mass of each class over a whole set. */
  readonly mass: Float64Array;
}

/**
 * The `count` most probable classes of a row of logits [C], the most probable first; among equal ones the lowest label
 * comes first. Re-balanced probabilities are p_j / mass_j^τ, normalised; `rebalanceSweep` of eval/rebalance.ts
 * predicts the first of them. Throws `DataError` for logits that are not finite.
 */
export function topClasses(logits: Float32Array, count: number, rebalancing?: Rebalancing): RankedClass[] {
  const scores = Float64Array.from(logits, (logit, j) => {
    if (!Number.isFinite(logit))
      throw new DataError(`The network gives the logit ${logit}, so there is nothing to rank.`, {
        where: `class ${j}`,
        next: 'The model diverged: use another checkpoint.',
      });
    if (rebalancing === undefined || rebalancing.tau === 0) return logit;
    return logit - rebalancing.tau * Math.log(rebalancing.mass[j]!);
  });
  // A class without mass is never predicted.
  if (rebalancing && rebalancing.tau > 0)
    rebalancing.mass.forEach((mass, j) => {
      if (mass === 0) scores[j] = Number.NEGATIVE_INFINITY;
    });
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  const top: RankedClass[] = [];
  const isTaken = new Uint8Array(scores.length);
  // One scan per rank costs less than sorting thousands of classes.
  for (let rank = 0; rank < count; rank++) {
    let label = isTaken.indexOf(0);
    for (let j = label + 1; j < scores.length; j++) if (!isTaken[j] && scores[j]! > scores[label]!) label = j;
    top.push({ label, probability: Math.exp(scores[label]! - largest) / sum });
    isTaken[label] = 1;
  }
  return top;
}
