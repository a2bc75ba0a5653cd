import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { calibrationOf } from '../../src/eval/calibration.js';
import {
  classAccuracies,
  groupAccuracies,
  groupOf,
  meanClassAccuracy,
  scoresOf,
  topOne,
} from '../../src/eval/metrics.js';

describe('metrics', () => {
  test('groups are cut at 100 and 20 training images', () => {
    assert.deepEqual([101, 100, 20, 19, 0].map(groupOf), ['many', 'medium', 'medium', 'few', 'few']);
  });

  test('top-1 counts samples, groups average classes, absent classes are left out', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 2);
    const predictions = Int32Array.of(0, 0, 0, 1, 1, 0);
    const counts = Int32Array.of(500, 200, 50, 5); // class 3 is absent from the labels
    assert.deepEqual([...classAccuracies(predictions, labels, 4)], [0.75, 1, 0, NaN]);
    assert.deepEqual(scoresOf(predictions, labels, counts), { top1: 4 / 6, many: 0.875, medium: 0, few: undefined });
    assert.equal(meanClassAccuracy(Float64Array.of(0.75, 1, 0, NaN)), 1.75 / 3);
  });

  test('a group without classes is undefined, not 0', () => {
    const groups = groupAccuracies(Float64Array.of(0, 0), Int32Array.of(500, 5));
    assert.deepEqual(groups, { many: 0, medium: undefined, few: 0 });
  });

  test('labels outside the classes are a DataError that names the image', () => {
    for (const label of [-1, 3]) {
      assert.throws(
        () => scoresOf(Int32Array.of(0, 0), Int32Array.of(0, label), Int32Array.of(1, 1, 1)),
        (error: unknown) => error instanceof DataError && error.where === 'image 1',
      );
    }
  });

  test('no images, or predictions of another number, are a DataError', () => {
    assert.throws(() => topOne(new Int32Array(), new Int32Array()), DataError);
    assert.throws(() => topOne(Int32Array.of(1), Int32Array.of(1, 2)), DataError);
  });

  test('calibration: confident and right is 0, confident and wrong is 1, a certain image falls into the last bin', () => {
    const confidences = Float64Array.of(1, 1);
    const right = calibrationOf(confidences, Int32Array.of(0, 0), Int32Array.of(0, 0));
    assert.equal(right.error, 0);
    assert.deepEqual(right.bins.at(-1), { count: 2, confidence: 1, accuracy: 1 });
    assert.equal(calibrationOf(confidences, Int32Array.of(0, 0), Int32Array.of(1, 1)).error, 1);
  });
});
