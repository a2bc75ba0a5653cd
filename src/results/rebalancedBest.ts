/** The epoch that re-balanced accuracy would have chosen: a run keeps the checkpoint of the best plain one alone. */
import type { Config } from '../config/schema.js';
import { type MetricKey, metricKeys } from '../eval/scores.js';
import type { EpochMetrics } from '../run/metricsLog.js';
import type { RebalancedBest } from './record.js';

/**
 * Of the evaluated epochs the one with the highest re-balanced top-1 on the selecting split, the first of equal ones,
 * with its re-balanced accuracies on test. Undefined where the last epoch is taken unchosen, or the metrics lack the
 * numbers.
 */
export function rebalancedBestOf(
  metrics: readonly EpochMetrics[],
  { select_on, tau }: Pick<Config['eval'], 'select_on' | 'tau'>,
): RebalancedBest | undefined {
  if (select_on === 'last') return undefined;
  let best: EpochMetrics | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const line of metrics) {
    const selecting = line[`${select_on}_top1_rebalanced`];
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
