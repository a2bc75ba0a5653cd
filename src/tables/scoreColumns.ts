/** Columns of accuracy tables with one line per evaluation. */
import type { ResultRow } from '../eval/resultRow.js';
import { isShown, metricKeys, metricOf, type PercentScores } from '../eval/scores.js';
import type { Column } from './column.js';

/** A column per metric. */
const metricColumns: readonly Column<PercentScores>[] = metricKeys.map(key => ({
  key,
  title: metricOf(key).title,
  kind: 'percent',
  value: scores => scores[key],
  isShown: rows => isShown(key, rows),
}));

/**
 * The scores, with the selection of the epoch and of τ, without which numbers cannot be compared.
 */
export const accuracyColumns: readonly Column<ResultRow>[] = [
  { key: 'run', title: 'run', kind: 'text', value: row => row.run },
  { key: 'split', title: 'split', kind: 'text', value: row => row.split, dispensable: 4 },
  { key: 'checkpoint', title: 'checkpoint', kind: 'text', value: row => row.checkpoint },
  { key: 'epoch', title: 'epoch', kind: 'number', value: row => row.epoch, dispensable: 1 },
  { key: 'selected_on', title: 'selected on', kind: 'text', value: row => row.selected_on, dispensable: 2 },
  {
    key: 'predictions',
    title: 'predictions',
    kind: 'text',
    value: predictionsCell,
  },
  { key: 'tau', title: 'τ', kind: 'number', value: row => row.tau },
  {
    key: 'tau_selected_on',
    title: 'choice of τ',
    kind: 'text',
    dispensable: 3,
    value: tauChoiceCell,
  },
  ...metricColumns,
];

export const aboutEqualMasses =
  'Equal masses: re-balanced, without a τ, until all classes have the same probability over all test images.';

export function predictionsCell({ tau, method }: Pick<ResultRow, 'tau' | 'method'>): string {
  if (method === 'logit_adjusted') return 'logit-adjusted';
  if (method === 'equal_masses') return 'equal masses';
  return tau === undefined ? 'plain' : 're-balanced';
}

export function tauChoiceCell({ tau_selected_on }: Pick<ResultRow, 'tau_selected_on'>): string | undefined {
  return tau_selected_on === 'test' ? 'test (oracle)' : tau_selected_on;
}
