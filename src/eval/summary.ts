/** The scores of one evaluation, plain and re-balanced for every τ: what tables, run.json and reports are made of. */
import { type Calibration, calibrationOf } from './calibration.js';
import { adjustmentShift, logitAdjustedPredictions } from './logitAdjustment.js';
import type { Evaluation } from './logitsFile.js';
import { countPredictions, countTopFive, meanClassAccuracy } from './metrics.js';
import { rebalanceShift, rebalanceSweep, softmaxOf, uniformPriorWeights } from './rebalance.js';
import { type Scores, scoresOf } from './scores.js';

export interface Summary {
  readonly plain: Scores;
  /** Plain predictions [N]. */
  readonly predictions: Int32Array;
  /** Predicted mass [C], which re-balancing divides by. */
  readonly mass: Float64Array;
  readonly rebalanced: readonly TauScores[];
  /** By post-hoc logit adjustment, for each τ of its own. */
  readonly adjusted: readonly Omit<TauScores, 'predictions'>[];
  /** Of the plain predictions, 15 bins. */
  readonly calibration: Calibration;
}

interface TauScores {
  readonly tau: number;
  readonly scores: Scores;
  /** [N]. */
  readonly predictions: Int32Array;
}

/**
 * Predictions and scores of one evaluation: plain, re-balanced for each of `taus`, logit-adjusted for each of
 * `adjustmentTaus`; pure. On the split `val`, which keeps the long tail of the training set, top-1 is the mean over
 * classes and the predicted mass is weighted to the same uniform class prior.
 * Throws `ConfigError` for an unusable τ, `DataError` for unusable logits or labels.
 */
export function summarize(
  evaluation: Evaluation,
  taus: readonly number[],
  adjustmentTaus: readonly number[] = [],
): Summary {
  const { logits, labels, classCounts, groups } = evaluation;
  const score = (predictions: Int32Array, shift: Float64Array): Scores => {
    const topFive = () => countTopFive(logits, labels, shift);
    const counts = { ...countPredictions(predictions, labels, classCounts, groups), topFive };
    const scores = scoresOf(counts);
    return hasLongTail(evaluation) ? { ...scores, top1: meanClassAccuracy(counts) } : scores;
  };
  const classes = classCounts.length;
  const weights = hasLongTail(evaluation) ? uniformPriorWeights(labels, classes) : undefined;
  const softmax = softmaxOf(logits, classes, weights);
  const { predictions, confidences } = softmax;
  return {
    plain: score(predictions, new Float64Array(classes)),
    predictions,
    mass: softmax.mass,
    rebalanced: rebalanceSweep(logits, softmax, taus).map((rebalanced, t) => ({
      tau: taus[t]!,
      scores: score(rebalanced, rebalanceShift(softmax.mass, taus[t]!)),
      predictions: rebalanced,
    })),
    adjusted: adjustmentTaus.map(tau => ({
      tau,
      scores: score(logitAdjustedPredictions(logits, classCounts, tau), adjustmentShift(classCounts, tau)),
    })),
    calibration: calibrationOf(confidences, predictions, labels),
  };
}

/** The largest τ of an oracle's steps. */
export const largestOracleTau = 3;

/**
 * τ that an oracle chooses among, ascending: 0, 0.05, … 3, and that of the config wherever it lies, so that no oracle
 * is below the config's own.
 */
export function oracleTaus(configured: number): number[] {
  const steps = Array.from({ length: 20 * largestOracleTau + 1 }, (_, step) => step / 20);
  return [...new Set([...steps, configured])].sort((a, b) => a - b);
}

export interface TopOneOfTau {
  readonly tau: number;
  readonly scores: Pick<Scores, 'top1'>;
}

/** τ with the highest re-balanced top-1; of equal ones the smallest. Undefined without any τ. */
export function bestTau({ rebalanced }: { rebalanced: readonly TopOneOfTau[] }): number | undefined {
  const ranked = [...rebalanced].sort((a, b) => b.scores.top1 - a.scores.top1 || a.tau - b.tau);
  return ranked[0]?.tau;
}

function hasLongTail(evaluation: Evaluation): boolean {
  return evaluation.split === 'val';
}
