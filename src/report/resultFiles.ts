/** What an evaluation leaves for its reader beside the stored logits: tables, per-class accuracies, predictions. */
import { join } from 'node:path';
import type { Evaluation } from '../eval/logitsFile.js';
import { plainPredictions } from '../eval/rebalance.js';
import { type ResultRow, rebalancedPredictions, resultRows, summarize } from '../eval/summary.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { perClassCsv, predictionsCsv } from './csv.js';
import { accuracyColumns, formatTable } from './table.js';

/**
 * Writes table.md and table.csv over all `evaluations` into `folder`, per_class.csv and predictions.csv of the first, and
 * returns the rows. `taus` of re-balancing were chosen by `tauSelectedOn`; the files per class and image take τ = 1, or the
 * first τ where 1 is not among them. Throws `StorageError`.
 */
export function writeResultFiles(
  folder: string,
  evaluations: readonly Evaluation[],
  taus: readonly number[],
  tauSelectedOn: string,
  adjustmentTaus: readonly number[] = [],
): ResultRow[] {
  const rows = evaluations.flatMap(evaluation =>
    resultRows(evaluation, summarize(evaluation, taus, adjustmentTaus), tauSelectedOn),
  );
  const write = (name: string, text: string) => writeFileAtomic(join(folder, name), text);
  write('table.md', `${formatTable(rows, accuracyColumns, 'md')}\n`);
  write('table.csv', `${formatTable(rows, accuracyColumns, 'csv')}\n`);
  const main = evaluations[0]!;
  const predictions = plainPredictions(main.logits, main.classCounts.length);
  const [rebalanced] = rebalancedPredictions(main, [taus.includes(1) ? 1 : taus[0]!]);
  write('per_class.csv', perClassCsv(main, predictions, rebalanced!));
  write('predictions.csv', predictionsCsv(main, predictions, rebalanced!));
  return rows;
}
