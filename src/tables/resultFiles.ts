/**
 * The files that an evaluation leaves for readers: tables, per-class accuracies, predictions. Accuracies are percent.
 */
import { join } from 'node:path';
import { groupOf } from '../eval/groups.js';
import type { Evaluation } from '../eval/logitsFile.js';
import { classAccuracies, labelCounts } from '../eval/metrics.js';
import { type ResultRow, resultRows } from '../eval/resultRow.js';
import type { Summary } from '../eval/summary.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { toCsv } from '../io/csv.js';
import { percent } from './column.js';
import { formatTable } from './format.js';
import { accuracyColumns } from './scoreColumns.js';

/** An evaluation and what `summarize` made of it. */
export interface SummarizedEvaluation {
  readonly evaluation: Evaluation;
  readonly summary: Summary;
}

/**
 * Writes table.md and table.csv over all `evaluations` into `folder`, per_class.csv and predictions.csv of the first,
 * and returns the rows. `tauSelectedOn` says in the rows what selected τ. The files per class and per image are
 * re-balanced with τ = 1, or with the first τ where 1 is not among them. Throws `StorageError`.
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

/**
 * `per_class.csv`: one line per class with its prior, group and accuracy, plain and re-balanced. Throws `DataError` for
 * unusable labels.
 */
export function perClassCsv(evaluation: Evaluation, predictions: Int32Array, rebalanced: Int32Array): string {
  const { labels, classNames, classCounts, groups } = evaluation;
  const classes = classNames.length;
  const images = labelCounts(labels, classes);
  const plain = classAccuracies(predictions, labels, classes);
  const balanced = classAccuracies(rebalanced, labels, classes);
  const header = ['class', 'name', 'training_images', 'group', 'images', 'accuracy', 'accuracy_rebalanced'];
  return toCsv(
    header,
    classNames.map((name, klass) => [
      klass,
      name,
      classCounts[klass],
      groupOf(classCounts[klass]!, groups),
      images[klass],
      percent(plain[klass]),
      percent(balanced[klass]),
    ]),
  );
}

/** `predictions.csv`: one line per image of the split, with its index in the dataset. */
export function predictionsCsv(evaluation: Evaluation, predictions: Int32Array, rebalanced: Int32Array): string {
  const { indices, labels } = evaluation;
  return toCsv(
    ['index', 'label', 'predicted', 'predicted_rebalanced'],
    Array.from(indices, (index, i) => [index, labels[i], predictions[i], rebalanced[i]]),
  );
}
