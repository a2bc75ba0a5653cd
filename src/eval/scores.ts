/**
 * The table of metrics. Rows of run.json and result records, their schemas, columns of tables and CSV files, the
 * terminal, the report, checks and expected values derive from this table: a new metric is a function in metrics.ts and
 * a row here.
 */
import { z } from 'zod';
import type { Group } from './groups.js';
import { type ClassCounts, groupAccuracy, macroF1, meanClassAccuracy, topFive, topOne } from './metrics.js';

export interface Metric {
  /** Heading of its column. */
  readonly title: string;
  /** The group of classes that the metric measures; absent for all classes. */
  readonly group?: Group;
  /**
   * In which tables the metric is shown: all, those of unbalanced test images, or with `--wide`. CSV and JSON have all.
   */
  readonly shown: 'always' | 'unbalanced' | 'wide';
  /** What the metric is counted from. A record has predictions, but not the scores of all classes. */
  readonly of: 'predictions' | 'scores';
  /** A fraction in [0, 1]; undefined where it does not exist, such as for a group without classes. */
  value(counts: ClassCounts): number | undefined;
}

const ofGroup = (group: Group): Metric => ({
  title: group,
  group,
  shown: 'always',
  of: 'predictions',
  value: counts => groupAccuracy(counts, group),
});

/** By their names in files. */
const metrics = {
  top1: { title: 'top-1', shown: 'always', of: 'predictions', value: topOne },
  many: ofGroup('many'),
  medium: ofGroup('medium'),
  few: ofGroup('few'),
  balanced_accuracy: { title: 'balanced', shown: 'unbalanced', of: 'predictions', value: meanClassAccuracy },
  macro_f1: { title: 'macro-F1', shown: 'unbalanced', of: 'predictions', value: macroF1 },
  top5: { title: 'top-5', shown: 'wide', of: 'scores', value: topFive },
} satisfies Record<string, Metric>;

export type MetricKey = keyof typeof metrics;

/** In the order of columns. */
export const metricKeys = Object.keys(metrics) as MetricKey[];

/** Those of a group of classes. */
export const groupKeys = metricKeys.filter(key => metricOf(key).group !== undefined);

export function metricOf(key: MetricKey): Metric {
  return metrics[key];
}

/** Fractions in [0, 1]. */
export type Scores = Readonly<Record<MetricKey, number | undefined>> & { readonly top1: number };

/** The same in percent, as files have them; a score that does not exist is absent. */
export type PercentScores = { readonly top1: number } & { readonly [Key in MetricKey]?: number | undefined };

/** All scores of predictions. Each is counted when it is first read, because a sweep over τ needs only top-1. */
export function scoresOf(counts: ClassCounts): Scores {
  const scores = {};
  for (const key of metricKeys) {
    let known: { readonly score: number | undefined } | undefined;
    const get = () => {
      known ??= { score: metricOf(key).value(counts) };
      return known.score;
    };
    Object.defineProperty(scores, key, { enumerable: true, get });
  }
  return scores as Scores;
}

/** Whether a table of these scores shows a metric. On balanced test images, balanced accuracy equals top-1. */
export function isShown(key: MetricKey, scores: readonly PercentScores[]): boolean {
  const { shown } = metricOf(key);
  const isUnbalanced = ({ top1, balanced_accuracy: balanced = top1 }: PercentScores) =>
    Math.abs(balanced - top1) > 1e-6;
  return shown === 'always' || (shown === 'unbalanced' && scores.some(isUnbalanced));
}

export function inPercent(scores: Scores): PercentScores {
  const present = metricKeys.filter(key => scores[key] !== undefined);
  return Object.fromEntries(present.map(key => [key, percentOf(scores[key]!)])) as PercentScores;
}

/** A fraction in percent, without binary rounding errors: 0.4554 is 45.54. */
export function percentOf(fraction: number): number {
  return Number((100 * fraction).toFixed(8));
}

const percent = z.number().min(0).max(100);

/** Schema of `PercentScores`, for the schema of a row. */
export const scoreShape = {
  ...(Object.fromEntries(metricKeys.map(key => [key, percent.optional()])) as Record<
    MetricKey,
    z.ZodOptional<typeof percent>
  >),
  top1: percent,
};
