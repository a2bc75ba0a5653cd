/** Names the runs that share a value, in few words. */
import type { ReportRun } from './reportRun.js';

/** More labels are counted, not listed. */
const mostListed = 6;

/** A value, and the runs that have it: `gala`, `gala, seed 3`, `12 of 50 runs`; undefined where all runs share it. */
export interface Owned {
  readonly value: string;
  readonly owners: string | undefined;
}

/** Labels of some of all runs; all runs of a series have the label of the series. */
export function ownersOf(some: ReadonlySet<ReportRun>, all: readonly ReportRun[]): string {
  const labels = new Set(
    [...some].map(({ series, label }) => {
      const isWhole = all.every(run => run.series !== series || some.has(run));
      return isWhole ? series : label;
    }),
  );
  return labels.size > mostListed
    ? `${some.size} of ${all.length} runs`
    : [...labels].join(labels.size > 1 && [...labels].some(label => label.includes(',')) ? '; ' : ', ');
}

/** Each distinct value with its runs, in the order of the runs. */
export function ownedValues(runs: readonly ReportRun[], cellOf: (run: ReportRun) => string): Owned[] {
  const byValue = new Map<string, Set<ReportRun>>();
  for (const run of runs) {
    const value = cellOf(run);
    byValue.set(value, (byValue.get(value) ?? new Set()).add(run));
  }
  return Array.from(byValue, ([value, owners]) => ({
    value,
    owners: byValue.size === 1 ? undefined : ownersOf(owners, runs),
  }));
}
