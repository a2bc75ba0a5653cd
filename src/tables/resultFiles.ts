/** What an evaluation leaves for its reader beside the stored logits: tables, per-class accuracies, predictions. */
import { join } from 'node:path';
import type { Evaluation } from '../eval/logitsFile.js';
import { type ResultRow, resultRows } from '../eval/resultRow.js';
import type { Summary } from '../eval/summary.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { perClassCsv, predictionsCsv } from './evaluationCsv.js';
import { formatTable } from './format.js';
import { accuracyColumns } from './scoreColumns.js';

/** An evaluation and what `summarize` made of it. */
export interface SummarizedEvaluation {
  readonly evaluation: Evaluation;
  readonly summary: Summary;
}

/**
 * Writes table.md and table.csv over all `evaluations` into `folder`, per_class.csv and predictions.csv of the first,
 * and returns the rows. The τ of re-balancing were selected by `tauSelectedOn`; the files per class and image take τ =
 * 1, or the first τ where 1 is not among them. Throws `StorageError`.
 */
export function writeResultFiles(
  folder: string,
  evaluations: readonly SummarizedEvaluation[],
  tauSelectedOn: string,
): ResultRow[] {
  const rows = evaluations.flatMap(({ evaluation, summary }) => resultRows(evaluation, summary, tauSelectedOn));
  const write = (name: string, text: string) => writeFileAtomic(join(folder, name), text);
  write('table.md', `${formatTable(rows, accuracyColumns, 'md')}\n`);
  write('table.csv', `${formatTable(rows, accuracyColumns, 'csv')}\n`);
  const { evaluation, summary } = evaluations[0]!;
  const { predictions: rebalanced } = summary.rebalanced.find(({ tau }) => tau === 1) ?? summary.rebalanced[0]!;
  write('per_class.csv', perClassCsv(evaluation, summary.predictions, rebalanced));
  write('predictions.csv', predictionsCsv(evaluation, summary.predictions, rebalanced));
  return rows;
}
