/**
 * Columns of accuracy tables with one line per experiment: mean ± sample standard deviation over its runs, in percent.
 */
import { configOf } from '../config/identity.js';
import { reportedScores } from '../eval/resultRow.js';
import { groupKeys, isShown, type MetricKey, metricKeys, metricOf } from '../eval/scores.js';
import { factOf, processesOf } from '../run/processes.js';
import { type Column, twoDecimals } from '../tables/column.js';
import { formatMean, meanAndStd } from './compare.js';
import { differencesWithin, type ResultGroup } from './groups.js';
import type { RunResult } from './record.js';

/** Which scores of a run a mean is taken of. */
type Choice = keyof ReturnType<typeof scoresBy>;

/** `rebalanced_best`: re-balanced, at the epoch that re-balanced accuracy would have selected. */
function scoresBy({ scores, rebalanced_best }: Pick<RunResult, 'scores' | 'rebalanced_best'>) {
  const { plain, rebalanced, ...others } = reportedScores(scores);
  return { plain, rebalanced, rebalanced_best, ...others };
}

const choices = Object.keys(scoresBy({ scores: [] })) as Choice[];

/** No mean where a run lacks the score, as older records do: a mean of the others would compare other runs. */
function meanOf({ results }: ResultGroup, choice: Choice, metric: MetricKey) {
  const scores = results.map(result => scoresBy(result)[choice]?.[metric]);
  const all = scores.filter(score => score !== undefined);
  return meanAndStd(all.length === scores.length ? all : []);
}

function shown(key: string, title: string, choice: Choice, ...shownMetrics: readonly MetricKey[]): Column<ResultGroup> {
  const value = (group: ResultGroup) =>
    shownMetrics.map(metric => formatMean(meanOf(group, choice, metric)) || '–').join(' / ');
  return { key, title, kind: 'number', value };
}

/** For people: mean and deviation in one cell. */
export const groupColumns = {
  config: { key: 'config', title: 'config', kind: 'text', value: ({ label }) => label },
  runs: { key: 'runs', title: 'runs', kind: 'number', value: ({ results }) => results.length },
  seeds: { key: 'seeds', title: 'seeds', kind: 'text', value: seedsOf },
  selectedOn: {
    key: 'selected_on',
    title: 'selected on',
    kind: 'text',
    value: ({ results }) => reported(results[0]!)?.selected_on,
  },
  epoch: {
    key: 'epoch',
    title: 'epoch',
    kind: 'text',
    value: ({ results }) => unique(results.map(result => String(reported(result)?.epoch))),
  },
  top1: shown('top1', 'top-1', 'plain', 'top1'),
  groups: shown('groups', groupKeys.join(' / '), 'plain', ...groupKeys),
  groupMeans: {
    key: 'groups',
    title: groupKeys.join(' / '),
    kind: 'number',
    value: group => groupKeys.map(key => twoDecimals(meanOf(group, 'plain', key).mean) ?? '–').join(' / '),
  },
  tau: { key: 'tau', title: 'τ', kind: 'number', value: ({ results }) => configOf(results[0]!).eval.tau },
  rebalanced: shown('rebalanced', 're-balanced, τ of the config', 'rebalanced', 'top1'),
  rebalancedBest: shown('rebalanced_best', 're-balanced, own best epoch', 'rebalanced_best', 'top1'),
  equalMasses: {
    ...shown('equal_masses', 'equal masses', 'equal_masses', 'top1'),
    isShown: groups => groups.some(group => meanOf(group, 'equal_masses', 'top1').mean !== undefined),
  },
  oracle: shown('oracle', 'τ selected on test (oracle)', 'oracle', 'top1'),
  last: shown('last', 'last epoch', 'last', 'top1'),
  lastRebalanced: shown('last_rebalanced', 'last epoch, re-balanced', 'last_rebalanced', 'top1'),
  lastEqualMasses: shown('last_equal_masses', 'last epoch, equal masses', 'last_equal_masses', 'top1'),
  precision: {
    key: 'precision',
    title: 'precision',
    kind: 'text',
    value: ({ results }) =>
      unique(results.map(result => factOf(processesOf(result), ({ engine }) => engine.precision))),
  },
  hours: {
    key: 'hours',
    title: 'training hours',
    kind: 'number',
    value: ({ results }) => twoDecimals(meanAndStd(results.map(({ training_hours }) => training_hours)).mean),
  },
} satisfies Record<string, Column<ResultGroup>>;

/** Metrics that tables show only where they say more than top-1, and with `--wide`. */
export const furtherColumns: readonly Column<ResultGroup>[] = metricKeys
  .filter(key => metricOf(key).shown !== 'always')
  .map(key => ({
    ...shown(key, metricOf(key).title, 'plain', key),
    dispensable: 5,
    isShown: groups =>
      isShown(
        key,
        groups.flatMap(({ results }) => results.flatMap(result => reported(result) ?? [])),
      ),
  }));

/** For programs, one number per cell: `top1`, `top1_std`, `many_rebalanced`, …; empty without a value. */
export const groupDataColumns: readonly Column<ResultGroup>[] = [
  groupColumns.config,
  groupColumns.runs,
  groupColumns.seeds,
  groupColumns.selectedOn,
  groupColumns.epoch,
  groupColumns.tau,
  ...choices.flatMap(choice =>
    metricKeys.flatMap(metric => {
      const key = choice === 'plain' ? metric : `${metric}_${choice}`;
      const number = (name: string, of: 'mean' | 'std'): Column<ResultGroup> => ({
        key: name,
        title: name,
        kind: 'number',
        value: group => twoDecimals(meanOf(group, choice, metric)[of]),
      });
      return [number(key, 'mean'), number(`${key}_std`, 'std')];
    }),
  ),
  groupColumns.precision,
  groupColumns.hours,
  {
    key: 'runs_differ_in',
    title: 'runs differ in',
    kind: 'text',
    value: ({ results }) => differencesWithin(results).join('; '),
  },
];

function reported({ scores }: RunResult) {
  return reportedScores(scores).plain;
}

function seedsOf({ results }: ResultGroup): string {
  return results.map(({ seeds }) => seeds.run).join(', ');
}

function unique(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}
