import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compare, comparisonColumns, formatMean, isShort, meanAndStd, shortfallOf } from '../../src/results/compare.js';
import type { ExpectedTable } from '../../src/results/expected.js';
import type { ResultRecord } from '../../src/results/record.js';
import { formatTable } from '../../src/tables/format.js';

const table: ExpectedTable = {
  name: 'set',
  labelsSha256: '',
  rows: [{ row: 'a', config: 'set/a' }],
  claims: [{ row: 'a', metric: 'top1', value: 52.1, source: 'paper', std: 0.75 }],
};

/** Records whose last epoch is bad and whose best one has these accuracies in percent. */
function records(...percents: number[]): ResultRecord[] {
  return percents.map(
    percent =>
      ({
        scores: [
          { checkpoint: 'best', epoch: 190, selected_on: 'test', top1: percent, correct: [] },
          {
            checkpoint: 'best',
            epoch: 190,
            selected_on: 'test',
            tau: 1,
            tau_selected_on: 'config',
            top1: 60,
            correct: [],
          },
          {
            checkpoint: 'best',
            epoch: 190,
            selected_on: 'test',
            tau: 2,
            tau_selected_on: 'test',
            top1: 70,
            correct: [],
          },
          { checkpoint: 'last', epoch: 200, selected_on: 'last', top1: 10, correct: [] },
        ],
      }) as unknown as ResultRecord,
  );
}

const verdictOf = (...percents: number[]) => compare(table, () => records(...percents))[0]!;

describe('The verdict', () => {
  test('of one seed is reached at or above the claim, within tolerance down to two standard deviations', () => {
    assert.equal(verdictOf(52.1).verdict, 'reached');
    assert.equal(verdictOf(60).verdict, 'reached');
    assert.equal(verdictOf(52.09).verdict, 'within tolerance');
    assert.equal(verdictOf(50.6).verdict, 'within tolerance');
    assert.equal(verdictOf(50.59).verdict, 'BELOW');
    assert.equal(shortfallOf(verdictOf(50)), 'a top1 by 2.10, more than two standard deviations between seeds (1.50)');
  });

  test('of a mean allows two standard errors', () => {
    assert.equal(verdictOf(50.9, 51.3, 51.5, 51.7).tolerance, 0.75);
    assert.equal(verdictOf(50.9, 51.3, 51.5, 51.7).verdict, 'within tolerance');
    assert.equal(verdictOf(50.9, 51.3, 51.5, 51.6).verdict, 'BELOW');
    assert.equal(
      shortfallOf(verdictOf(50.9, 51.3, 51.5, 51.6)),
      'a top1 by 0.78, more than two standard errors of the mean of 4 runs (0.75)',
    );
  });

  test('is a shortfall where a row has no run, and none where nothing is claimed', () => {
    assert.equal(verdictOf().verdict, 'NO RUN');
    assert.ok(isShort(verdictOf()));
    assert.ok(isShort(verdictOf(40)));
    assert.ok(!isShort(verdictOf(52)));
    const unclaimed = compare({ ...table, claims: [] }, () => records(40));
    assert.deepEqual(
      unclaimed.map(({ metric, verdict, mean }) => [metric, verdict, Math.round(mean!)]),
      [
        ['top1', 'no claim', 40],
        ['top1_rebalanced', 'no claim', 60],
      ],
    );
    assert.ok(!unclaimed.some(isShort));
  });

  test("takes the re-balanced value at the config's τ, not at the oracle's", () => {
    const claims = [{ ...table.claims[0]!, metric: 'top1_rebalanced' as const, value: 60 }];
    const [comparison] = compare({ ...table, claims }, () => records(40));
    assert.ok(Math.abs(comparison!.difference!) < 1e-9);
  });
});

test('The comparison shows claim, mean ± std, number of runs, difference, tolerance and verdict', () => {
  const lines = formatTable(
    compare(table, () => records(51.5, 52.5, 52)),
    comparisonColumns,
    'terminal',
  ).split('\n');
  assert.equal(lines[0], 'row  metric  claim          ours  n  difference  tolerance  verdict');
  assert.equal(lines[2], 'a    top1     52.1  52.00 ± 0.50  3       −0.10       0.87  within tolerance');
});

test('Mean and sample standard deviation; none of a single run', () => {
  assert.deepEqual(meanAndStd([1, 3]), { mean: 2, std: Math.SQRT2 });
  assert.deepEqual(meanAndStd([4]), { mean: 4, std: undefined });
  assert.equal(formatMean(meanAndStd([4])), '4.00');
  assert.equal(formatMean(meanAndStd([])), '');
});
