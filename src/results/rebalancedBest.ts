/** The epoch that re-balanced accuracy would have chosen: a run keeps the checkpoint of the best plain one alone. */
import type { Config } from '../config/schema.js';
import type { EpochMetrics } from '../run/metricsLog.js';
import type { RebalancedBest } from './record.js';

/**
 * Of the evaluated epochs the one with the highest re-balanced top-1 on the selecting split, the first of equal ones, with its
 * re-balanced accuracies on test. Undefined where the last epoch is taken unchosen, or the metrics lack the numbers.
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
  const top1 = best && fractionOf(best.test_top1_rebalanced);
  if (!best || top1 === undefined) return undefined;
  const groups = (['many', 'medium', 'few'] as const).flatMap(group => {
    const accuracy = fractionOf(best[`test_${group}_rebalanced`]);
    return accuracy === undefined ? [] : [[group, accuracy]];
  });
  return { epoch: best.epoch, selectedOn: select_on, tau, top1, ...Object.fromEntries(groups) };
}

/** metrics.jsonl has percent with four decimals. */
function fractionOf(percent: EpochMetrics[string]): number | undefined {
  return typeof percent === 'number' ? Number((percent / 100).toFixed(6)) : undefined;
}
