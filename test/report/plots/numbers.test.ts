import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { predictedMass, rebalancedMass } from '../../../src/eval/rebalance.js';
import { epochAxis, logAxis } from '../../../src/report/plots/axes.js';
import { windowOf } from '../../../src/report/plots/classPoints.js';
import { worstConfusions } from '../../../src/report/plots/confusions.js';
import { ratiosOf } from '../../../src/report/plots/gradientRatio.js';
import { exampleEvaluation, rebalance } from '../../eval/example.js';
import { longTail } from '../exampleRuns.js';

describe('what the figures compute', () => {
  test('the predicted mass adds up to the images before and after re-balancing, which makes it more even', () => {
    const evaluation = exampleEvaluation(400, longTail);
    const biased = evaluation.logits.map((logit, k) => logit - 0.5 * (k % longTail.length));
    const before = predictedMass(biased, longTail.length);
    const after = rebalancedMass(biased, before, 1);
    const sum = (mass: Float64Array) => mass.reduce((total, value) => total + value, 0);
    const spread = (mass: Float64Array) => Math.max(...mass) / Math.min(...mass);
    assert.ok(Math.abs(sum(before) - 400) < 1e-9 && Math.abs(sum(after) - 400) < 1e-9);
    assert.ok(spread(after) < spread(before) / 2, `${spread(before)} → ${spread(after)}`);
  });

  test('the mass after re-balancing is of the scores that the re-balanced prediction ranks', () => {
    const row = (...probabilities: number[]) => probabilities.map(Math.log);
    const logits = Float32Array.from([...row(0.8, 0.2), ...row(0.6, 0.4)]);
    const before = predictedMass(logits, 2);
    const after = rebalancedMass(logits, before, 1);
    assert.ok(Math.abs(before[0]! - 1.4) < 1e-6);
    // p / mass is (.8/1.4, .2/.6) and (.6/1.4, .4/.6): the second image is of class 1 now.
    const first = 0.8 / 1.4 / (0.8 / 1.4 + 0.2 / 0.6) + 0.6 / 1.4 / (0.6 / 1.4 + 0.4 / 0.6);
    assert.ok(Math.abs(after[0]! - first) < 1e-6, `${after[0]} is not ${first}`);
    assert.deepEqual([...rebalance(logits, 2, 1)], [0, 1]);
  });

  test('confusions rank by the share of the true class, not by images, and leave out correct predictions', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 2);
    const predictions = Int32Array.of(0, 1, 1, 2, 0, 1, 2);
    assert.deepEqual(worstConfusions(predictions, labels, 3, 2), [
      { label: 0, predicted: 1, images: 2, share: 0.5 },
      { label: 1, predicted: 0, images: 1, share: 0.5 },
    ]);
    assert.equal(worstConfusions(predictions, labels, 3, 10).length, 3);
    assert.deepEqual(worstConfusions(labels, labels, 3, 10), []);
  });

  test('the gradient ratio is positive over received negative, class by class, without zeros', () => {
    const gradients = [
      { epoch: 1, positive: [2, 1], negative: [1, 0] },
      { epoch: 2, positive: [6, 1], negative: [2, 4] },
    ];
    assert.deepEqual(ratiosOf(gradients), [
      [
        { epoch: 1, ratio: 2 },
        { epoch: 2, ratio: 3 },
      ],
      [{ epoch: 2, ratio: 0.25 }],
    ]);
  });

  test('a long training is thinned to some epochs, the first and the last among them', () => {
    for (const epochs of [60, 61, 119, 200, 1000]) {
      const gradients = Array.from({ length: epochs }, (_, k) => ({ epoch: k + 1, positive: [1], negative: [1] }));
      const drawn = ratiosOf(gradients)[0]!.map(({ epoch }) => epoch);
      assert.ok(drawn.length <= 60 && drawn.length >= 35, `${epochs}: ${drawn.length}`);
      assert.deepEqual([drawn[0], drawn.at(-1)], [1, epochs]);
    }
  });

  test('lines average an odd number of neighbours from 30 classes on', () => {
    assert.deepEqual([10, 29, 30, 100, 1000].map(windowOf), [1, 1, 5, 11, 101]);
  });

  test('a logarithmic axis holds all values, with ticks inside it, fewer a decade where it is long', () => {
    const { scale, ticks } = logAxis([0.05, 0.7], 1.3);
    assert.ok(scale.domain[0] < 0.05 && scale.domain[1] > 0.7);
    assert.deepEqual(ticks, [0.05, 0.1, 0.2, 0.5]);
    assert.deepEqual(logAxis([0.6, 1.4], 1.05).ticks, [0.6, 0.8, 1, 1.2]);
    assert.deepEqual(logAxis([0.3, 2.3], 1.3).ticks, [0.3, 0.5, 1, 2], 'more a decade where 1, 2, 5 are few');
    assert.deepEqual(logAxis([1, 200], 1).ticks, [1, 2, 5, 10, 20, 50, 100, 200]);
    assert.deepEqual(logAxis([0.9, 1.1], 1.05).ticks, [0.9, 0.95, 1, 1.05, 1.1, 1.15]);
    assert.deepEqual(logAxis([1, 3], 1, true).ticks, [1, 2, 3], 'epochs are whole');
    assert.deepEqual(logAxis([5, 5000], 1.1).ticks, [10, 30, 100, 300, 1000, 3000]);
    assert.deepEqual(logAxis([1e-3, 1e4], 1.3).ticks, [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10_000]);
  });

  test('epochs have whole ticks, at most eight', () => {
    assert.deepEqual(epochAxis(3).ticks, [1, 2, 3]);
    assert.deepEqual(epochAxis(200).ticks, [25, 50, 75, 100, 125, 150, 175, 200]);
    for (let last = 1; last < 2000; last++) assert.ok(epochAxis(last).ticks.length <= 8, `${last}`);
  });
});
