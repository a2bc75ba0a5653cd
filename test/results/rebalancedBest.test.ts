import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rebalancedBestOf } from '../../src/results/rebalancedBest.js';
import type { EpochMetrics } from '../../src/run/metricsLog.js';

const line = (epoch: number, test: number, val: number): EpochMetrics => ({
  epoch,
  test_top1: 90,
  test_top1_rebalanced: test,
  test_many_rebalanced: test + 10,
  test_few_rebalanced: test - 10,
  val_top1_rebalanced: val,
});
const metrics: EpochMetrics[] = [
  { epoch: 1, loss: 2 },
  line(2, 50.12, 40),
  line(3, 51.34, 45),
  line(4, 51.34, 46),
  line(5, 49, 46),
];

describe('the epoch that re-balanced accuracy would have chosen', () => {
  test('it is the first of those with the highest value on the selecting split, told by its accuracies on test', () => {
    assert.deepEqual(rebalancedBestOf(metrics, { select_on: 'test', tau: 1 }), {
      epoch: 3,
      selected_on: 'test',
      tau: 1,
      top1: 51.34,
      many: 61.34,
      few: 41.34,
    });
    const chosenOnVal = rebalancedBestOf(metrics, { select_on: 'val', tau: 0.5 })!;
    assert.deepEqual([chosenOnVal.epoch, chosenOnVal.selected_on, chosenOnVal.tau], [4, 'val', 0.5]);
  });

  test('there is none where the last epoch is taken, or the metrics lack the split', () => {
    assert.equal(rebalancedBestOf(metrics, { select_on: 'last', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf(metrics.slice(0, 1), { select_on: 'test', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf([{ epoch: 1, test_top1_rebalanced: 3 }], { select_on: 'val', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf([], { select_on: 'test', tau: 1 }), undefined);
  });
});
