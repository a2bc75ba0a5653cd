/**
 * The scores of a finished run that tables show. Training stores them in run.json; a run of an older gala is scored
 * from its logits.
 */
import type { Config } from '../config/schema.js';
import { type ResultRow, reportedScores, resultRow, resultRows } from '../eval/resultRow.js';
import { type MetricKey, metricKeys } from '../eval/scores.js';
import { type CheckpointSummary, selectingScore, summarizeCheckpoints } from '../eval/summary.js';
import { type EpochMetrics, readMetrics } from './metricsLog.js';
import type { RebalancedBest, RunRecord } from './recordSchema.js';
import { openRunFolder } from './runFolder.js';
import type { FoundRun } from './runStore.js';
import { resultLogits } from './storedLogits.js';

/** Parts of run.json. */
export interface RunScores {
  /** As in table.md: of each checkpoint, the reported one first, plain and re-balanced. */
  readonly results: readonly ResultRow[];
  /** Of the reported checkpoint, re-balanced at the τ with the highest top-1 on the test images. */
  readonly oracle: ResultRow & { readonly tau: number };
  /** Undefined where no split selected the epoch, and where metrics.jsonl lacks the numbers. */
  readonly rebalanced_best: RebalancedBest | undefined;
  /** All that were counted. */
  readonly metrics: readonly string[];
}

/** The scores in run.json; undefined for a run that is not finished, and where run.json lacks a metric or a row. */
export function storedScores(record: RunRecord): RunScores | undefined {
  const { status, results, metrics = [], oracle, rebalanced_best } = record;
  const { plain, rebalanced, equal_masses } = reportedScores(results);
  const isWhole = plain && rebalanced && equal_masses && oracle && metricKeys.every(key => metrics.includes(key));
  return status === 'finished' && isWhole ? { results, oracle, rebalanced_best, metrics } : undefined;
}

/**
 * The scores of a finished run. Throws `StorageError`, `DataError` for a run without stored scores and usable logits.
 */
export function scoresOfRun({ directory, record }: Pick<FoundRun, 'directory' | 'record'>): RunScores {
  const stored = storedScores(record);
  if (stored) return stored;
  const { config } = record;
  const folder = openRunFolder(directory);
  const evaluations = resultCheckpoints(config).map(checkpoint => resultLogits(folder, checkpoint));
  return runScores(summarizeCheckpoints(evaluations, config.eval.tau), readMetrics(folder.metrics).lines, config);
}

/** The checkpoints that a finished run is evaluated at, the reported one first. */
export function resultCheckpoints({ eval: { select_on } }: Pick<Config, 'eval'>): ('best' | 'last')[] {
  return select_on === 'last' ? ['last'] : ['best', 'last'];
}

/** The scores of all checkpoints, and of the epochs in metrics.jsonl. */
export function runScores(
  checkpoints: readonly CheckpointSummary[],
  epochs: readonly EpochMetrics[],
  { eval: { select_on, tau } }: Pick<Config, 'eval'>,
): RunScores {
  const { evaluation, oracle } = checkpoints[0]!;
  const { tau: oracleTau, scores } = oracle!;
  return {
    results: checkpoints.flatMap(({ evaluation, summary }) => resultRows(evaluation, summary, 'config')),
    oracle: { ...resultRow(evaluation, scores, { tau: oracleTau, tau_selected_on: 'test' }), tau: oracleTau },
    rebalanced_best: rebalancedBestOf(epochs, { select_on, tau }),
    metrics: metricKeys,
  };
}

/**
 * Of the evaluated epochs the one with the highest re-balanced score on the selecting split, the first of equal ones,
 * with its re-balanced accuracies on test: a run keeps the checkpoint of the best plain one alone. Undefined where the
 * last epoch is taken unchosen, or the metrics lack the numbers.
 */
export function rebalancedBestOf(
  epochs: readonly EpochMetrics[],
  { select_on, tau }: Pick<Config['eval'], 'select_on' | 'tau'>,
): RebalancedBest | undefined {
  if (select_on === 'last') return undefined;
  let best: EpochMetrics | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const line of epochs) {
    // Lines from before balanced accuracy was recorded have it under the name of top-1.
    const selecting =
      line[`${select_on}_${selectingScore(select_on)}_rebalanced`] ?? line[`${select_on}_top1_rebalanced`];
    if (typeof selecting !== 'number' || selecting <= highest) continue;
    [best, highest] = [line, selecting];
  }
  if (!best) return undefined;
  const scores: Partial<Record<MetricKey, number>> = {};
  for (const key of metricKeys) {
    const score = best[`test_${key}_rebalanced`];
    if (typeof score === 'number') scores[key] = score;
  }
  const { top1 } = scores;
  return top1 === undefined ? undefined : { epoch: best.epoch, selected_on: select_on, tau, ...scores, top1 };
}
