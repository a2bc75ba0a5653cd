/** Values of public implementations; see the README beside the golden files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { calibrationOf } from '../../src/eval/calibration.js';
import { logitAdjustedPredictions } from '../../src/eval/logitAdjustment.js';
import { countPredictions, topOne } from '../../src/eval/metrics.js';
import { rebalanceSweep, softmaxOf } from '../../src/eval/rebalance.js';
import { scoresOf } from '../../src/eval/scores.js';
import { describeUnless, sharedPath } from '../shared.js';
import { rebalance } from './example.js';

const lossesPath = sharedPath('golden', 'losses.json');
const tracesPath = sharedPath('golden', 'reference_traces.json');
const skip = lossesPath && tracesPath ? false : 'no shared golden folder';
const read = (path: string | undefined) => JSON.parse(readFileSync(path!, 'utf8'));
const near = (actual: number | undefined, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual! - expected) <= tolerance, `${actual} is not ${expected}`);

describeUnless(skip, 'golden evaluation', () => {
  test('predictions, top-1, groups and calibration equal the public implementations on every set', () => {
    const { sets } = read(lossesPath).evaluation;
    assert.ok(sets.length >= 3);
    for (const set of sets) {
      const logits = Float32Array.from(set.logits.flat());
      const labels = Int32Array.from(set.labels as number[]);
      const { predictions, confidences } = softmaxOf(logits, set.C);
      assert.deepEqual([...predictions], set.predictions, set.id);
      const scores = scoresOf(countPredictions(predictions, labels, Int32Array.from(set.counts as number[])));
      for (const key of ['top1', 'many', 'medium', 'few'] as const) near(scores[key], set[key]);
      const calibration = calibrationOf(confidences, predictions, labels);
      near(calibration.error, set.ece);
      assert.equal(calibration.bins.length, set.ece_bins.length);
      for (const [b, bin] of calibration.bins.entries()) {
        assert.equal(bin.count, set.ece_bins[b].count);
        near(bin.confidence, set.ece_bins[b].confidence);
        near(bin.accuracy, set.ece_bins[b].accuracy);
      }
    }
  });

  test('post-hoc logit adjustment equals the public implementation for every τ', () => {
    for (const set of read(lossesPath).evaluation.sets) {
      const counts = Int32Array.from(set.counts as number[]);
      const results = set.posthoc_logit_adjustment;
      assert.ok(results.length >= 3);
      for (const { tau, predictions } of results)
        assert.deepEqual([...logitAdjustedPredictions(Float32Array.from(set.logits.flat()), counts, tau)], predictions);
    }
  });

  test('re-balanced predictions and accuracies equal the reference for every τ, one by one and as a sweep', () => {
    const cases = read(tracesPath).rebalance;
    assert.ok(cases.length >= 2);
    for (const { logits, labels, taus } of cases) {
      const flat = Float32Array.from(logits.flat());
      const classes = logits[0].length;
      const names = Object.keys(taus);
      const sweep = rebalanceSweep(flat, softmaxOf(flat, classes), names.map(Number));
      for (const [t, tau] of names.entries()) {
        assert.deepEqual([...rebalance(flat, classes, Number(tau))], taus[tau].preds, `τ = ${tau}`);
        assert.deepEqual([...sweep[t]!], taus[tau].preds, `τ = ${tau} in the sweep`);
        near(
          topOne(countPredictions(sweep[t]!, Int32Array.from(labels as number[]), new Int32Array(classes))),
          taus[tau].acc,
        );
      }
    }
  });

  test('many, medium and few equal the reference on 100 classes', () => {
    const cases = read(tracesPath).shots;
    assert.ok(cases.length >= 1);
    for (const { train_counts, labels, preds, many, median, low } of cases) {
      const counts = Int32Array.from(train_counts as number[]);
      const scores = scoresOf(
        countPredictions(Int32Array.from(preds as number[]), Int32Array.from(labels as number[]), counts),
      );
      near(scores.many, many, 1e-7); // the file keeps seven digits
      near(scores.medium, median, 1e-7);
      near(scores.few, low, 1e-7);
    }
  });
});
