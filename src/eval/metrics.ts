/**
 * The functions of the metrics in scores.ts, from the counts of N predictions per class. Fractions in [0, 1].
 */

import { DataError } from '../errors.js';
import { defaultGroups, type Group, type GroupBounds, groupOf } from './groups.js';

/** Counts of N predictions in C classes, each [C]. */
export interface ClassCounts {
  /** Images of the class. */
  readonly images: Int32Array;
  /** Right predictions of the class. */
  readonly correct: Int32Array;
  /** Predictions of the class, right or wrong. */
  readonly predicted: Int32Array;
  /** Training images of the class, which decide its group. */
  readonly trainingImages: Int32Array;
  readonly groups: GroupBounds;
  /** Counts the images whose class is among the five of the highest scores; absent where only predictions are known. */
  readonly topFive?: () => number;
}

/** Images per class [C] among labels [N]. Throws `DataError` for a label outside [0, classes). */
export function labelCounts(labels: Int32Array, classes: number): Int32Array {
  const counts = new Int32Array(classes);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(label >= 0 && label < classes)) {
      throw new DataError(`Label ${label} is not a class: there are ${classes}, counted from 0.`, {
        where: `image ${i}`,
        next: 'Check that labels and class list come from the same dataset.',
      });
    }
    counts[label]!++;
  }
  return counts;
}

/**
 * Right predictions per class [C] of predictions [N]. Throws `DataError` without predictions, and for other lengths.
 */
export function correctCounts(predictions: Int32Array, labels: Int32Array, classes: number): Int32Array {
  if (labels.length === 0 || predictions.length !== labels.length) {
    throw new DataError(`There are ${predictions.length} predictions for ${labels.length} labels.`, {
      where: 'evaluation',
      next: 'Evaluate a split that has at least one image, whole.',
    });
  }
  const correct = new Int32Array(classes);
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) correct[labels[i]!]!++;
  return correct;
}

/**
 * Images whose label is among the five classes of the highest logit − shift, for logits [N, C], labels [N], a shift
 * [C] and the predictions [N] by the same scores; of equal ones the lower class comes first.
 */
export function countTopFive(
  logits: Float32Array,
  labels: Int32Array,
  shift: Float64Array,
  predictions: Int32Array,
): number {
  const classes = shift.length;
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    let before = 0;
    if (predictions[i] !== label) {
      const row = i * classes;
      const own = logits[row + label]! - shift[label]!;
      let j = 0;
      for (; j < label && before < 5; j++) if (logits[row + j]! - shift[j]! >= own) before++;
      for (; j < classes && before < 5; j++) if (logits[row + j]! - shift[j]! > own) before++;
    }
    if (before < 5) count++;
  }
  return count;
}

/**
 * Counts of predictions [N], with the training images per class [C]. Several predictions of the same labels may share
 * the images per class. Throws `DataError` for unusable labels.
 */
export function countPredictions(
  predictions: Int32Array,
  labels: Int32Array,
  trainingImages: Int32Array,
  groups: GroupBounds = defaultGroups,
  images = labelCounts(labels, trainingImages.length),
): ClassCounts {
  const classes = trainingImages.length;
  return {
    correct: correctCounts(predictions, labels, classes),
    images,
    predicted: labelCounts(predictions, classes),
    trainingImages,
    groups,
  };
}

/**
 * Accuracy of each class [C]; NaN for a class that does not occur in the labels. Throws `DataError` for unusable
 * labels.
 */
export function classAccuracies(predictions: Int32Array, labels: Int32Array, classes: number): Float64Array {
  const correct = correctCounts(predictions, labels, classes);
  return accuraciesOf({ correct, images: labelCounts(labels, classes) });
}

/** Share of all predictions that are right. */
export function topOne({ correct, images }: ClassCounts): number {
  return sum(correct) / sum(images);
}

/**
 * Mean accuracy of the classes of a group that occur in the labels, as facebookresearch/classifier-balancing
 * `utils.py`; undefined for a group without such classes.
 */
export function groupAccuracy(counts: ClassCounts, group: Group): number | undefined {
  const { trainingImages, groups } = counts;
  return meanOfPresent(accuraciesOf(counts).filter((_, klass) => groupOf(trainingImages[klass]!, groups) === group));
}

/** Mean accuracy of the classes that occur in the labels: top-1 under a uniform class prior. */
export function meanClassAccuracy(counts: Pick<ClassCounts, 'correct' | 'images'>): number {
  return meanOfPresent(accuraciesOf(counts))!;
}

/**
 * Mean over the classes that occur in the labels of F1 = 2·correct / (images + predictions); as scikit-learn's
 * `f1_score` with `average='macro'` and the present classes as `labels`.
 */
export function macroF1({ correct, images, predicted }: ClassCounts): number {
  const scores = Float64Array.from(correct, (right, klass) => (2 * right) / (images[klass]! + predicted[klass]!));
  return meanOfPresent(scores.filter((_, klass) => images[klass]! > 0))!;
}

/** Share of the images whose class is among the five of the highest scores; undefined for five classes or fewer. */
export function topFive({ images, topFive: count }: ClassCounts): number | undefined {
  return count === undefined || images.length <= 5 ? undefined : count() / sum(images);
}

function accuraciesOf({ correct, images }: Pick<ClassCounts, 'correct' | 'images'>): Float64Array {
  return Float64Array.from(correct, (right, klass) => right / images[klass]!);
}

function meanOfPresent(accuracies: Float64Array): number | undefined {
  const present = accuracies.filter(accuracy => !Number.isNaN(accuracy));
  return present.length === 0 ? undefined : present.reduce((sum, accuracy) => sum + accuracy, 0) / present.length;
}

function sum(counts: Int32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
