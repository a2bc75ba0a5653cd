/** The CSV files of an evaluation. Accuracies are percent with two decimals; an empty cell is a missing value. */
import type { Evaluation } from '../eval/logitsFile.js';
import { classAccuracies, groupOf, labelCounts } from '../eval/metrics.js';
import { toCsv } from '../io/csv.js';
import { percent } from './column.js';

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
