/** Columns of accuracy tables with one line per evaluation. */
import type { ResultRow } from '../eval/summary.js';
import type { Column } from './column.js';

/** Top-1 and groups, with the split that chose the epoch and what chose τ: a number without them cannot be compared. */
export const accuracyColumns: readonly Column<ResultRow>[] = [
  { key: 'run', title: 'run', kind: 'text', value: row => row.run },
  { key: 'split', title: 'split', kind: 'text', value: row => row.split },
  { key: 'checkpoint', title: 'checkpoint', kind: 'text', value: row => row.checkpoint },
  { key: 'epoch', title: 'epoch', kind: 'number', value: row => row.epoch },
  { key: 'epoch_chosen_on', title: 'epoch chosen on', kind: 'text', value: row => row.selectedOn },
  {
    key: 'predictions',
    title: 'predictions',
    kind: 'text',
    value: row =>
      row.tau === undefined ? 'plain' : row.method === 'logit_adjusted' ? 'logit-adjusted' : 're-balanced',
  },
  { key: 'tau', title: 'τ', kind: 'number', value: row => row.tau },
  {
    key: 'tau_chosen_on',
    title: 'τ chosen on',
    kind: 'text',
    value: row => (row.tauSelectedOn === 'test' ? 'test (oracle)' : row.tauSelectedOn),
  },
  { key: 'all', title: 'all', kind: 'percent', value: row => row.top1 },
  { key: 'many', title: 'many', kind: 'percent', value: row => row.many },
  { key: 'medium', title: 'medium', kind: 'percent', value: row => row.medium },
  { key: 'few', title: 'few', kind: 'percent', value: row => row.few },
];
