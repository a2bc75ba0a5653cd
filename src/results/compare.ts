/** Compares claims with the records: difference and verdict. Values in percent. */
import { reportedScores } from '../eval/resultRow.js';
import type { MetricKey } from '../eval/scores.js';
import { type Column, twoDecimals } from '../tables/column.js';
import type { Claim, ClaimMetric, ExpectedTable } from './expected.js';
import type { ResultRecord, RunResult } from './record.js';

type Verdict = 'reached' | 'within tolerance' | 'BELOW' | 'no claim' | 'NO RUN';

export interface Comparison {
  readonly row: string;
  readonly metric: ClaimMetric;
  readonly claim?: Claim;
  /** Mean over the runs, percent; undefined without a run. */
  readonly mean?: number | undefined;
  /** Sample standard deviation (n − 1); undefined for fewer than two runs. */
  readonly std?: number | undefined;
  readonly runs: number;
  /** Mean less claim, percentage points. */
  readonly difference?: number;
  /** Two standard errors of the mean, with the claim's standard deviation between seeds. */
  readonly tolerance?: number;
  readonly verdict: Verdict;
}

/**
 * Without this, the verdict on a value exactly at the tolerance would depend on binary rounding.
 */
const rounding = 1e-9;

/** A comparison per claim; for a row without claims one of plain and one of re-balanced top-1. */
export function compare(table: ExpectedTable, recordsOf: (row: string) => readonly ResultRecord[]): Comparison[] {
  return table.rows.flatMap(({ row }) => {
    const claims = table.claims.filter(claim => claim.row === row);
    const records = recordsOf(row);
    if (claims.length > 0) return claims.map(claim => compareMetric(row, claim.metric, records, claim));
    return (['top1', 'top1_rebalanced'] as const).map(metric => compareMetric(row, metric, records));
  });
}

/** True when a claim was missed or a row has no run: exit code 1. */
export function isShort({ verdict }: Comparison): boolean {
  return verdict === 'BELOW' || verdict === 'NO RUN';
}

/** For a claim that was missed: `if200 top1 by 1.89, more than two standard errors of the mean of 3 runs (1.62)`. */
export function shortfallOf({ row, metric, difference, tolerance, runs }: Comparison): string {
  const by = Math.abs(difference!).toFixed(2);
  const mean = runs === 1 ? 'standard deviations between seeds' : `standard errors of the mean of ${runs} runs`;
  return `${row} ${metric} by ${by}, more than two ${mean} (${tolerance!.toFixed(2)})`;
}

/** Mean and sample standard deviation; undefined without, and with fewer than two, values. */
export function meanAndStd(values: readonly number[]): { mean: number | undefined; std: number | undefined } {
  const n = values.length;
  if (n === 0) return { mean: undefined, std: undefined };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n < 2 ? undefined : Math.sqrt(squares / (n - 1)) };
}

/** `51.99`, or `51.99 ± 0.31` for several runs; empty without any. */
export function formatMean({ mean, std }: { mean?: number | undefined; std?: number | undefined }): string {
  if (mean === undefined) return '';
  return std === undefined ? twoDecimals(mean) : `${twoDecimals(mean)} ± ${twoDecimals(std)}`;
}

/** The score of a metric in percent; undefined where the group is empty. */
function scoreOf({ scores }: RunResult, metric: ClaimMetric): number | undefined {
  const { plain, rebalanced } = reportedScores(scores);
  const row = metric.endsWith('_rebalanced') ? rebalanced : plain;
  return row?.[metric.replace('_rebalanced', '') as MetricKey];
}

function compareMetric(row: string, metric: ClaimMetric, records: readonly ResultRecord[], claim?: Claim): Comparison {
  const values = records.map(record => scoreOf(record, metric)).filter(value => value !== undefined);
  const runs = values.length;
  const { mean, std } = meanAndStd(values);
  const common = { row, metric, mean, std, runs, ...(claim && { claim }) };
  if (mean === undefined) return { ...common, verdict: 'NO RUN' };
  if (claim === undefined) return { ...common, verdict: 'no claim' };
  const difference = mean - claim.value;
  const tolerance = (2 * claim.std) / Math.sqrt(runs);
  const verdict = difference >= 0 ? 'reached' : difference >= -tolerance - rounding ? 'within tolerance' : 'BELOW';
  return { ...common, difference, tolerance, verdict };
}

export const comparisonColumns: readonly Column<Comparison>[] = [
  { key: 'row', title: 'row', kind: 'text', value: ({ row }) => row },
  { key: 'metric', title: 'metric', kind: 'text', value: ({ metric }) => metric },
  { key: 'claim', title: 'claim', kind: 'number', value: ({ claim }) => claim?.value.toFixed(1) },
  { key: 'ours', title: 'ours', kind: 'number', value: formatMean },
  { key: 'runs', title: 'n', kind: 'number', value: ({ runs }) => runs },
  { key: 'difference', title: 'difference', kind: 'number', value: ({ difference }) => signed(difference) },
  { key: 'tolerance', title: 'tolerance', kind: 'number', value: ({ tolerance }) => tolerance?.toFixed(2) },
  { key: 'verdict', title: 'verdict', kind: 'text', value: ({ verdict }) => verdict },
];

function signed(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}
