/** Columns of accuracy tables with one line per experiment: mean ± sample standard deviation over its runs, in percent. */
import { configOf } from '../config/identity.js';
import { factOf } from '../run/processes.js';
import type { Column } from '../tables/column.js';
import { formatMean, meanAndStd, reportedScores } from './compare.js';
import { differencesWithin, type ResultGroup } from './groups.js';
import { processesOf, type RunResult, type Score } from './record.js';

type Accuracies = Pick<Score, 'top1' | 'many' | 'medium' | 'few'>;
type Accuracy = keyof Accuracies;

/** What is averaged: the reported checkpoint is `best` where a split chose one, else `last`; τ is that of the config. */
const scoresBy = {
  /** The reported checkpoint, plain. */
  plain: result => reportedScores(result).find(({ tau }) => tau === undefined),
  /** The same checkpoint, re-balanced. */
  rebalanced: result => reportedScores(result).find(({ tauSelectedOn }) => tauSelectedOn === 'config'),
  /** Re-balanced, at the epoch that re-balanced accuracy would have chosen. */
  rebalanced_best: result => result.rebalanced_best,
  /** The reported checkpoint at the τ that is best on the test images. */
  oracle: result => result.scores.find(({ tauSelectedOn }) => tauSelectedOn === 'test'),
  last: result => result.scores.find(({ checkpoint, tau }) => checkpoint === 'last' && tau === undefined),
  last_rebalanced: result =>
    result.scores.find(({ checkpoint, tauSelectedOn }) => checkpoint === 'last' && tauSelectedOn === 'config'),
} satisfies Record<string, (result: RunResult) => Accuracies | undefined>;

type Choice = keyof typeof scoresBy;

const groupAccuracies = ['many', 'medium', 'few'] as const;
const accuracies = ['top1', ...groupAccuracies] as const;

function meanOf({ results }: ResultGroup, choice: Choice, accuracy: Accuracy) {
  const scoreOf: (result: RunResult) => Accuracies | undefined = scoresBy[choice];
  const fractions = results.map(result => scoreOf(result)?.[accuracy]);
  return meanAndStd(fractions.filter(fraction => fraction !== undefined).map(fraction => 100 * fraction));
}

function shown(
  key: string,
  title: string,
  choice: Choice,
  ...shownAccuracies: readonly Accuracy[]
): Column<ResultGroup> {
  const value = (group: ResultGroup) =>
    shownAccuracies.map(accuracy => formatMean(meanOf(group, choice, accuracy)) || '–').join(' / ');
  return { key, title, kind: 'number', value };
}

/** For people: mean and deviation in one cell. */
export const groupColumns = {
  config: { key: 'config', title: 'config', kind: 'text', value: ({ label }) => label },
  runs: { key: 'runs', title: 'runs', kind: 'number', value: ({ results }) => results.length },
  seeds: { key: 'seeds', title: 'seeds', kind: 'text', value: seedsOf },
  chosenOn: {
    key: 'epoch_chosen_on',
    title: 'epoch chosen on',
    kind: 'text',
    value: ({ results }) => reportedScores(results[0]!)[0]!.selectedOn,
  },
  epoch: {
    key: 'epoch',
    title: 'epoch',
    kind: 'text',
    value: ({ results }) => unique(results.map(result => String(reportedScores(result)[0]!.epoch))),
  },
  top1: shown('top1', 'top-1', 'plain', 'top1'),
  groups: shown('groups', 'many / medium / few', 'plain', ...groupAccuracies),
  groupMeans: {
    key: 'groups',
    title: 'many / medium / few',
    kind: 'number',
    value: group =>
      groupAccuracies.map(accuracy => meanOf(group, 'plain', accuracy).mean?.toFixed(2) ?? '–').join(' / '),
  },
  tau: { key: 'tau', title: 'τ', kind: 'number', value: ({ results }) => configOf(results[0]!).eval.tau },
  rebalanced: shown('rebalanced', 're-balanced, τ of the config', 'rebalanced', 'top1'),
  rebalancedBest: shown('rebalanced_best', 're-balanced, own best epoch', 'rebalanced_best', 'top1'),
  oracle: shown('oracle', 'τ chosen on test (oracle)', 'oracle', 'top1'),
  last: shown('last', 'last epoch', 'last', 'top1'),
  lastRebalanced: shown('last_rebalanced', 'last epoch, re-balanced', 'last_rebalanced', 'top1'),
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
    value: ({ results }) => meanAndStd(results.map(({ training_hours }) => training_hours)).mean?.toFixed(2),
  },
} satisfies Record<string, Column<ResultGroup>>;

/** For programs: a number a cell, `top1`, `top1_std`, `many_rebalanced`, …; empty where there is none. */
export const groupDataColumns: readonly Column<ResultGroup>[] = [
  groupColumns.config,
  groupColumns.runs,
  groupColumns.seeds,
  groupColumns.chosenOn,
  groupColumns.epoch,
  groupColumns.tau,
  ...(Object.keys(scoresBy) as Choice[]).flatMap(choice =>
    accuracies.flatMap(accuracy => {
      const key = choice === 'plain' ? accuracy : `${accuracy}_${choice}`;
      const number = (name: string, of: 'mean' | 'std'): Column<ResultGroup> => ({
        key: name,
        title: name,
        kind: 'number',
        value: group => meanOf(group, choice, accuracy)[of]?.toFixed(2),
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

function seedsOf({ results }: ResultGroup): string {
  return results.map(({ seeds }) => seeds.run).join(', ');
}

function unique(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}
