import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { calibrationOf } from '../../src/eval/calibration.js';
import { groupOf } from '../../src/eval/groups.js';
import {
  classAccuracies,
  countPredictions,
  countTopFive,
  groupAccuracy,
  meanClassAccuracy,
  topFive,
} from '../../src/eval/metrics.js';
import { type MetricKey, scoresOf } from '../../src/eval/scores.js';
import { exampleEvaluation } from './example.js';

describe('metrics', () => {
  test('groups are cut at 100 and 20 training images', () => {
    assert.deepEqual(
      [101, 100, 20, 19, 0].map(count => groupOf(count)),
      ['many', 'medium', 'medium', 'few', 'few'],
    );
    const own = { many: 1000, few: 500 };
    assert.deepEqual(
      [1001, 1000, 500, 499].map(count => groupOf(count, own)),
      ['many', 'medium', 'medium', 'few'],
    );
  });

  test('top-1 counts samples, groups average classes, absent classes are left out', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 2);
    const predictions = Int32Array.of(0, 0, 0, 1, 1, 0);
    const counts = Int32Array.of(500, 200, 50, 5); // class 3 is absent from the labels
    assert.deepEqual([...classAccuracies(predictions, labels, 4)], [0.75, 1, 0, NaN]);
    const expected = {
      top1: 4 / 6,
      many: 0.875,
      medium: 0,
      few: undefined,
      balanced_accuracy: 1.75 / 3,
      macro_f1: (0.75 + 2 / 3) / 3, // F1 of the classes: 2·3 / (4 + 4), 2·1 / (1 + 2), 0
      top5: undefined,
    };
    const scores = scoresOf(countPredictions(predictions, labels, counts));
    for (const [key, value] of Object.entries(expected)) assert.equal(scores[key as MetricKey], value, key);
    assert.equal(meanClassAccuracy(countPredictions(predictions, labels, counts)), 1.75 / 3);
  });

  test('a group without classes is undefined, not 0', () => {
    const counts = countPredictions(Int32Array.of(1, 0), Int32Array.of(0, 1), Int32Array.of(500, 5));
    const groups = (['many', 'medium', 'few'] as const).map(group => groupAccuracy(counts, group));
    assert.deepEqual(groups, [0, undefined, 0]);
  });

  test(
    'top-5 counts labels among the five highest scores, of equal ones the lower class first, after the ' + 'shift',
    () => {
      const logits = Float32Array.of(7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 3, 0, 0, 0, 0, 0, 0);
      const labels = Int32Array.of(5, 5, 4);
      const counted = (shift: Float64Array) => countTopFive(logits, labels, shift, Int32Array.of(0, 0, 0));
      const plain = new Float64Array(6);
      assert.equal(counted(plain), 1); // the third image
      assert.equal(counted(Float64Array.of(0, 0, 0, 0, 9, 0)), 2); // class 4 has gone down
      assert.equal(counted(Float64Array.of(Infinity, 0, 0, 0, 0, 0)), 3);
      const counts = countPredictions(Int32Array.of(0, 0, 0), labels, new Int32Array(6));
      assert.equal(topFive({ ...counts, topFive: () => counted(plain) }), 1 / 3);
      assert.equal(topFive(counts), undefined);
    },
  );

  test('top-5 is what sorting the scores gives, also where the first class is the label', () => {
    const { logits, labels } = exampleEvaluation(300, new Array(12).fill(5));
    const shift = Float64Array.from({ length: 12 }, (_, klass) => klass / 7);
    const ranks = Array.from(labels, (_, i) => {
      const scores = Array.from(shift, (by, klass) => logits[12 * i + klass]! - by);
      return [...shift.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
    });
    const predictions = Int32Array.from(ranks, ([first]) => first!);
    const expected = ranks.filter((rank, i) => rank.indexOf(labels[i]!) < 5).length;
    assert.ok(predictions.some((klass, i) => klass === labels[i]) && expected < 300);
    assert.equal(countTopFive(logits, labels, shift, predictions), expected);
  });

  test('labels outside the classes are a DataError that names the image', () => {
    for (const label of [-1, 3]) {
      assert.throws(
        () => countPredictions(Int32Array.of(0, 0), Int32Array.of(0, label), Int32Array.of(1, 1, 1)),
        (error: unknown) => error instanceof DataError && error.where === 'image 1',
      );
    }
  });

  test('no images, or predictions of another number, are a DataError', () => {
    assert.throws(() => countPredictions(new Int32Array(), new Int32Array(), Int32Array.of(1)), DataError);
    assert.throws(() => countPredictions(Int32Array.of(1), Int32Array.of(1, 2), Int32Array.of(1, 1, 1)), DataError);
  });

  test(
    'calibration: confident and right is 0, confident and wrong is 1, a certain image falls into the last ' + 'bin',
    () => {
      const confidences = Float64Array.of(1, 1);
      const right = calibrationOf(confidences, Int32Array.of(0, 0), Int32Array.of(0, 0));
      assert.equal(right.error, 0);
      assert.deepEqual(right.bins.at(-1), { count: 2, confidence: 1, accuracy: 1 });
      assert.equal(calibrationOf(confidences, Int32Array.of(0, 0), Int32Array.of(1, 1)).error, 1);
    },
  );
});
