/** The scores of one evaluation, plain and re-balanced, for tables, run.json and reports. */
import { type Calibration, calibrationOf } from './calibration.js';
import { equalMassShift } from './equalMasses.js';
import { shiftedPredictions } from './kernels/logitKernels.js';
import { adjustmentShift, logitAdjustedPredictions } from './logitAdjustment.js';
import type { Evaluation } from './logitsFile.js';
import { countPredictions, countTopFive, labelCounts } from './metrics.js';
import { rebalanceShift, rebalanceSweep, softmaxOf, uniformPriorWeights } from './rebalance.js';
import { type MetricKey, type Scores, scoresOf } from './scores.js';

export interface Summary {
  readonly plain: Scores;
  /** Plain predictions [N]. */
  readonly predictions: Int32Array;
  /** Predicted mass [C], which re-balancing divides by. */
  readonly mass: Float64Array;
  readonly rebalanced: readonly TauScores[];
  /** Re-balanced to equal masses, which needs no τ; computed when first read, because it takes about 15 softmaxes. */
  readonly equalMasses: Omit<TauScores, 'tau'>;
  /** By post-hoc logit adjustment, which has its own τ. */
  readonly adjusted: readonly Omit<TauScores, 'predictions'>[];
  /** Of the plain predictions, 15 bins. */
  readonly calibration: Calibration;
}

export interface TauScores {
  readonly tau: number;
  readonly scores: Scores;
  /** [N]. */
  readonly predictions: Int32Array;
}

/**
 * Predictions and scores of one evaluation: plain, re-balanced for each of `taus` and to equal masses, logit-adjusted
 * for each of `adjustmentTaus`; pure. On the split `val`, which keeps the long tail of the training set, the predicted
 * mass is weighted so that all classes count the same.
 * Throws `ConfigError` for an unusable τ, `DataError` for unusable logits or labels.
 */
export function summarize(
  evaluation: Evaluation,
  taus: readonly number[],
  adjustmentTaus: readonly number[] = [],
): Summary {
  const { logits, labels, classCounts, groups } = evaluation;
  const score = (predictions: Int32Array, shift: Float64Array): Scores => {
    const topFive = () => countTopFive(logits, labels, shift, predictions);
    return scoresOf({ ...countPredictions(predictions, labels, classCounts, groups, images), topFive });
  };
  const classes = classCounts.length;
  const weights = hasLongTail(evaluation.split) ? uniformPriorWeights(labels, classes) : undefined;
  const softmax = softmaxOf(logits, classes, weights);
  const { predictions, confidences } = softmax;
  const images = labelCounts(labels, classes);
  let equalMasses: Summary['equalMasses'] | undefined;
  const toEqualMasses = () => {
    const shift = equalMassShift(logits, softmax, weights);
    const predictions = shiftedPredictions(logits, shift);
    return { scores: score(predictions, shift), predictions };
  };
  return {
    get equalMasses() {
      equalMasses ??= toEqualMasses();
      return equalMasses;
    },
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

/** One checkpoint of a finished run. */
export interface CheckpointSummary {
  readonly evaluation: Evaluation;
  /** Re-balanced at the τ of the config alone. */
  readonly summary: Summary;
  /** Re-balanced at the τ with the highest top-1 on the same images; only of the reported checkpoint. */
  readonly oracle?: TauScores;
}

/** Summaries of the checkpoints of a run, the reported one first, with the τ of the config. */
export function summarizeCheckpoints(evaluations: readonly Evaluation[], tau: number): CheckpointSummary[] {
  return evaluations.map((evaluation, k) => {
    const summary = summarize(evaluation, k === 0 ? oracleTaus(tau) : [tau]);
    const at = (wanted: number | undefined) => summary.rebalanced.find(({ tau }) => tau === wanted)!;
    const oracle = k === 0 && { oracle: at(bestTau(summary)) };
    return { evaluation, summary: { ...summary, rebalanced: [at(tau)] }, ...oracle };
  });
}

/** The largest τ of an oracle's steps. */
export const largestOracleTau = 3;

/**
 * The τ that an oracle chooses from, ascending: 0, 0.05, … 3 and the τ of the config, so that no oracle is worse
 * than the config.
 */
export function oracleTaus(configured: number): number[] {
  const steps = Array.from({ length: 20 * largestOracleTau + 1 }, (_, step) => step / 20);
  return [...new Set([...steps, configured])].sort((a, b) => a - b);
}

type Ranked = { readonly tau: number; readonly scores: Pick<Scores, 'top1'> & Partial<Scores> };

/** τ with the highest re-balanced top-1, or other score; of equal ones the smallest. Undefined without any τ. */
export function bestTau(
  { rebalanced }: { readonly rebalanced: readonly Ranked[] },
  key: MetricKey = 'top1',
): number | undefined {
  const ranked = [...rebalanced].sort((a, b) => (b.scores[key] ?? 0) - (a.scores[key] ?? 0) || a.tau - b.tau);
  return ranked[0]?.tau;
}

/** The score by which a split selects an epoch or a τ. In top-1 the classes of a long tail would hardly count. */
export function selectingScore(split: string): 'top1' | 'balanced_accuracy' {
  return hasLongTail(split) ? 'balanced_accuracy' : 'top1';
}

function hasLongTail(split: string): boolean {
  return split === 'val';
}
