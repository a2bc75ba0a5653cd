/** Top-1 accuracy over samples, per class, and over the many / medium / few groups. Accuracies are fractions in [0, 1]. */
import { DataError } from '../errors.js';

export type Group = 'many' | 'medium' | 'few';

/** Means of class accuracies; undefined where no class of the group occurs in the labels. */
export type GroupAccuracies = Readonly<Record<Group, number | undefined>>;

export interface Scores extends GroupAccuracies {
  /** Correct over all samples. */
  readonly top1: number;
}

/** Group of a class by its number of *training* images: many > 100, medium 20..100, few < 20 (Liu et al., OLTR, CVPR 2019). */
export function groupOf(trainingImages: number): Group {
  return trainingImages > 100 ? 'many' : trainingImages >= 20 ? 'medium' : 'few';
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

/** Share of the N predictions that equal their label. Throws `DataError` when there is none or the lengths differ. */
export function topOne(predictions: Int32Array, labels: Int32Array): number {
  checkLengths(predictions, labels);
  let correct = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) correct++;
  return correct / labels.length;
}

/** Accuracy of each class [C]; NaN for a class that does not occur in the labels. Throws `DataError` for unusable labels. */
export function classAccuracies(predictions: Int32Array, labels: Int32Array, classes: number): Float64Array {
  checkLengths(predictions, labels);
  const counts = labelCounts(labels, classes);
  const correct = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) correct[labels[i]!]!++;
  return correct.map((right, klass) => right / counts[klass]!);
}

/** Mean accuracy of the classes that occur in the labels, from `classAccuracies` [C]: top-1 under a uniform class prior. */
export function meanClassAccuracy(accuracies: Float64Array): number {
  const present = accuracies.filter(accuracy => !Number.isNaN(accuracy));
  return present.reduce((sum, accuracy) => sum + accuracy, 0) / present.length;
}

/** Group means of class accuracies [C] by training images per class [C], as facebookresearch/classifier-balancing `utils.py`. */
export function groupAccuracies(accuracies: Float64Array, classCounts: Int32Array): GroupAccuracies {
  const mean = (group: Group) => {
    const members = accuracies.filter((_, klass) => groupOf(classCounts[klass]!) === group);
    const result = meanClassAccuracy(members);
    return Number.isNaN(result) ? undefined : result;
  };
  return { many: mean('many'), medium: mean('medium'), few: mean('few') };
}

/** Top-1 over samples and groups of predictions [N], with training images per class [C]. Throws `DataError`. */
export function scoresOf(predictions: Int32Array, labels: Int32Array, classCounts: Int32Array): Scores {
  const accuracies = classAccuracies(predictions, labels, classCounts.length);
  return { top1: topOne(predictions, labels), ...groupAccuracies(accuracies, classCounts) };
}

function checkLengths(predictions: Int32Array, labels: Int32Array): void {
  if (labels.length === 0 || predictions.length !== labels.length) {
    throw new DataError(`There are ${predictions.length} predictions for ${labels.length} labels.`, {
      where: 'evaluation',
      next: 'Evaluate a split that has at least one image, whole.',
    });
  }
}
