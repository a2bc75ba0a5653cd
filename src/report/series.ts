/** Series of a report: the seeds of one config, which share a line of the table and a colour. */
import { meanAndStd } from '../results/compare.js';
import type { ReportRun } from './reportRun.js';
import { mostColors } from './seriesLabels.js';

export interface Series {
  /** Name in tables, legends and headings; no two series of a report share one. */
  readonly label: string;
  /** A CSS colour, such as `var(--run-0)`. */
  readonly color: string;
  /** At least one, by seed. */
  readonly runs: readonly ReportRun[];
}

/** The series of runs that are labelled, in their order. */
export function seriesOf(runs: readonly ReportRun[]): Series[] {
  const labels = [...new Set(runs.map(({ series }) => series))];
  return labels.map((label, index) => ({
    label,
    color: labels.length <= mostColors ? `var(--run-${index})` : 'var(--run-0)',
    runs: runs.filter(({ series }) => series === label),
  }));
}

/** Mean and sample standard deviation of a number over the runs of a series that have it. */
export function spreadOf({ runs }: Series, numberOf: (run: ReportRun) => number | undefined) {
  return meanAndStd(runs.map(numberOf).filter(value => value !== undefined && !Number.isNaN(value)) as number[]);
}

/** Mean over the runs of a series; NaN where none has the number. */
export function meanOf(series: Series, numberOf: (run: ReportRun) => number | undefined): number {
  return spreadOf(series, numberOf).mean ?? Number.NaN;
}
