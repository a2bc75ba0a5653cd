/** The table of a sweep: a line per config and point, mean ± standard deviation over its finished runs. */
import type { Scores } from '../eval/metrics.js';
import type { Column } from '../report/table.js';
import { formatMean, meanAndStd } from '../results/compare.js';
import { reportedScores, type TaskStatus } from './status.js';

interface Group {
  readonly config: string;
  readonly label: string;
  readonly tasks: readonly TaskStatus[];
}

/** Groups of tasks that differ in the seed only, in the order of the sweep. */
export function groupTasks(tasks: readonly TaskStatus[]): Group[] {
  const groups = new Map<string, TaskStatus[]>();
  for (const status of tasks) {
    const key = JSON.stringify([status.task.config, status.task.label]);
    groups.set(key, [...(groups.get(key) ?? []), status]);
  }
  return [...groups.values()].map(group => ({
    config: group[0]!.task.config,
    label: group[0]!.task.label,
    tasks: group,
  }));
}

export const groupColumns: readonly Column<Group>[] = [
  { key: 'config', title: 'config', kind: 'text', value: ({ config }) => config },
  { key: 'point', title: 'point', kind: 'text', value: ({ label }) => label },
  {
    key: 'runs',
    title: 'runs',
    kind: 'text',
    value: ({ tasks }) => `${tasks.filter(({ state }) => state === 'finished').length}/${tasks.length}`,
  },
  {
    key: 'epoch_chosen_on',
    title: 'epoch chosen on',
    kind: 'text',
    value: ({ tasks }) => reportedScores(tasks.find(({ results }) => results)?.results)?.plain?.selectedOn,
  },
  { key: 'top1', title: 'top-1', kind: 'text', value: mean('plain', 'top1') },
  { key: 'many', title: 'many', kind: 'text', value: mean('plain', 'many') },
  { key: 'medium', title: 'medium', kind: 'text', value: mean('plain', 'medium') },
  { key: 'few', title: 'few', kind: 'text', value: mean('plain', 'few') },
  { key: 'top1_rebalanced', title: 're-balanced, τ of the config', kind: 'text', value: mean('rebalanced', 'top1') },
];

/** Percent over the finished runs of a group. */
function mean(which: 'plain' | 'rebalanced', key: keyof Scores) {
  return ({ tasks }: Group): string => {
    const values = tasks.map(({ results }) => reportedScores(results)?.[which]?.[key]).filter(v => v !== undefined);
    return formatMean(meanAndStd(values.map(value => 100 * value)));
  };
}
