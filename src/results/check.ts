/**
 * Whether a record's numbers are what its predictions give: with the labels a recount, without them a check of
 * consistency.
 */
import { basename } from 'node:path';
import { configOf } from '../config/identity.js';
import { firstMetrics } from '../eval/format1.js';
import { correctCounts, labelCounts } from '../eval/metrics.js';
import { metricKeys, metricOf, percentOf } from '../eval/scores.js';
import { sha256 } from '../io/hash.js';
import { predictionsCell } from '../tables/scoreColumns.js';
import { labelsHash } from './fromRun.js';
import {
  bytesPerClass,
  predictionsOf,
  predictionsPath,
  type ResultRecord,
  type Score,
  type StoredResult,
} from './record.js';

/** Facts read from the data, to compare a record with. */
export interface Truth {
  /** Of the test images [N], in dataset order. */
  readonly labels: Int32Array;
  /** Of the training and test images as they lie on the disk. */
  readonly trainFingerprint: string;
  readonly testFingerprint: string;
  /** sha256 of the subset that the record's config draws. */
  readonly indexHash: string;
  /** Training images per class [C]. */
  readonly classCounts: Int32Array;
}

/** Percentage points, as the two below: the error of a sum of fractions. A number typed by hand differs by more. */
const rounding = 1e-7;

/** metrics.jsonl has four decimals. */
const metricsRounding = 1e-4;

/**
 * Reported accuracies are computed in float32, those of the epochs in the precision of the training; a resumed run may
 * change its engine.
 */
const otherRounding = 0.5;

/**
 * What is wrong with a record, one sentence each; empty when nothing is. Without `truth` the predictions cannot be
 * marked right or wrong: then every accuracy must follow from the right answers per class, none of which may exceed the
 * images or the predictions of that class. That finds a changed number or file, not a record that was forged as a
 * whole.
 */
export function faultsOf({ path, record, predictions }: StoredResult, truth?: Truth): string[] {
  if (predictions === undefined) return [`its predictions are missing: there is no ${basename(predictionsPath(path))}`];
  const { scores, test } = record;
  const size = bytesPerClass(test.class_counts.length);
  const expected = scores.length * test.images * size;
  if (predictions.length !== expected) {
    const parts = [scores.length, test.images, ...(size === 1 ? [] : [size])].join(' × ');
    return [`its predictions have ${predictions.length} bytes where ${parts} are expected`];
  }
  const faults: string[] = [];
  if (sha256(predictions) !== record.predictions_sha256) faults.push('its predictions were changed: another sha256');
  if (sum(test.class_counts) !== test.images)
    faults.push(`it says ${test.images} test images, and ${sum(test.class_counts)} of all classes`);
  if (truth) faults.push(...faultsOfData(record, truth));
  for (const [k, score] of scores.entries()) {
    const fault = faultOfScore(record, score, predictionsOf(record, predictions, k), truth);
    if (fault) faults.push(`${describeScore(score)}: ${fault}`);
  }
  const fault = faultOfRebalancedBest(record);
  if (fault) faults.push(`re-balanced, own best epoch: ${fault}`);
  return faults;
}

/** `rebalanced_best` has no predictions to count again, but it can contradict the scores that have them. */
function faultOfRebalancedBest({
  scores,
  test,
  engine,
  resumed_with,
  rebalanced_best: best,
}: ResultRecord): string | undefined {
  if (best === undefined) return undefined;
  const right = (best.top1 / 100) * test.images;
  if (Math.abs(right - Math.round(right)) > (metricsRounding / 100) * test.images)
    return `top1 ${textOf(best.top1)} is not a whole number of ${test.images} images`;
  for (const { checkpoint, epoch, top1, tau_selected_on, precision = engine.precision } of scores) {
    if (tau_selected_on !== 'config') continue;
    const tolerance = resumed_with || precision !== engine.precision ? otherRounding : metricsRounding;
    const difference = best.top1 - top1;
    const isLess = best.selected_on === 'test' && difference < -tolerance;
    if (!isLess && (best.epoch !== epoch || Math.abs(difference) <= tolerance)) continue;
    return (
      `it says ${textOf(best.top1)} at epoch ${best.epoch}, checkpoint ${checkpoint} has ${textOf(top1)} at ` +
      `epoch ${epoch}`
    );
  }
  return undefined;
}

/** Such as `best, re-balanced at τ = 1`. */
function describeScore(score: Score): string {
  const ofTau = score.tau === undefined ? '' : ` at τ = ${score.tau}`;
  return `${score.checkpoint}, ${predictionsCell(score)}${ofTau}`;
}

function faultsOfData({ train, test }: ResultRecord, truth: Truth): string[] {
  const faults: string[] = [];
  if (labelsHash(truth.labels, truth.classCounts.length) !== test.labels_sha256)
    faults.push('its test labels are not those of the data');
  if (labelCounts(truth.labels, truth.classCounts.length).join() !== test.class_counts.join())
    faults.push('its test images per class are not those of the data');
  if (truth.testFingerprint !== test.fingerprint) faults.push('its test images are not those of the data');
  if (truth.trainFingerprint !== train.fingerprint) faults.push('its training images are not those of the data');
  if (truth.indexHash !== train.index_hash) faults.push('its training subset is not the one that its config draws');
  if (truth.classCounts.join() !== train.class_counts.join())
    faults.push('its training images per class are not those of the data');
  return faults;
}

function faultOfScore(record: ResultRecord, score: Score, predictions: Int32Array, truth?: Truth): string | undefined {
  const { class_counts: images } = record.test;
  const classes = record.train.class_counts.length;
  if (images.length !== classes || score.correct.length !== classes)
    return 'its lists have different numbers of classes';
  const configured = configOf(record).eval.tau;
  if (score.tau_selected_on === 'config' && score.tau !== configured)
    return `it says that the config selected τ = ${score.tau}, and there it is ${configured}`;
  const outside = predictions.findIndex(klass => klass >= classes);
  if (outside !== -1) return `the prediction of image ${outside} is class ${predictions[outside]} of ${classes}`;
  if (truth?.labels.length === predictions.length) {
    const counted = correctCounts(predictions, truth.labels, classes);
    const klass = counted.findIndex((right, c) => right !== score.correct[c]);
    if (klass !== -1)
      return (
        `it says ${score.correct[klass]} right of class ${klass}, the predictions and labels give ` +
        `${counted[klass]}`
      );
  }
  const predicted = new Int32Array(classes);
  for (const klass of predictions) predicted[klass]!++;
  const klass = score.correct.findIndex((right, c) => right > images[c]! || right > predicted[c]!);
  if (klass !== -1) {
    return (
      `it says ${score.correct[klass]} right of class ${klass}, which has ${images[klass]} images and ` +
      `${predicted[klass]} predictions`
    );
  }
  return faultOfMetrics(record, score, predicted);
}

function faultOfMetrics(record: ResultRecord, score: Score, predicted: Int32Array): string | undefined {
  const { train, test } = record;
  const counts = {
    images: Int32Array.from(test.class_counts),
    correct: Int32Array.from(score.correct),
    predicted,
    trainingImages: Int32Array.from(train.class_counts),
    groups: configOf(record).eval.groups,
  };
  for (const key of metricKeys) {
    if (metricOf(key).of === 'scores' || (score[key] === undefined && !firstMetrics.has(key))) continue;
    const fraction = metricOf(key).value(counts);
    const [said, counted] = [score[key], fraction === undefined ? undefined : percentOf(fraction)];
    if (said === counted || (said !== undefined && counted !== undefined && Math.abs(said - counted) <= rounding))
      continue;
    return `it says ${key} ${textOf(said)}, the predictions give ${textOf(counted)}`;
  }
  return undefined;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function textOf(percent: number | undefined): string {
  return percent === undefined ? 'none' : `${Number(percent.toFixed(4))} %`;
}
