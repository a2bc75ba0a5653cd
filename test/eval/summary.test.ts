import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../../src/errors.js';
import { countPredictions, countTopFive, meanClassAccuracy, topOne } from '../../src/eval/metrics.js';
import { predictedMass, rebalanceShift, softmaxOf, uniformPriorWeights } from '../../src/eval/rebalance.js';
import { resultRows } from '../../src/eval/resultRow.js';
import { scoresOf } from '../../src/eval/scores.js';
import { bestTau, oracleTaus, selectingScore, summarize } from '../../src/eval/summary.js';
import { exampleEvaluation, rebalance } from './example.js';

const counts = [500, 200, 60, 30, 10, 3];

describe('summary', () => {
  test('it holds the plain scores and those of each τ, in the order asked for', () => {
    const evaluation = exampleEvaluation(300, counts);
    const { logits, labels, classCounts } = evaluation;
    const summary = summarize(evaluation, [1, 0, 0.5]);
    const counted = (predictions: Int32Array, shift: Float64Array) =>
      scoresOf({
        ...countPredictions(predictions, labels, classCounts),
        topFive: () => countTopFive(logits, labels, shift, predictions),
      });
    assert.deepEqual(summary.plain, counted(softmaxOf(logits, 6).predictions, new Float64Array(6)));
    assert.ok(summary.plain.top5! > summary.plain.top1 && summary.plain.top5! < 1);
    assert.deepEqual(
      summary.rebalanced.map(({ tau }) => tau),
      [1, 0, 0.5],
    );
    assert.deepEqual(summary.predictions, softmaxOf(logits, 6).predictions);
    for (const { tau, scores, predictions } of summary.rebalanced) {
      assert.deepEqual(predictions, rebalance(logits, 6, tau));
      assert.deepEqual(scores, counted(rebalance(logits, 6, tau), rebalanceShift(predictedMass(logits, 6), tau)));
    }
    assert.deepEqual(summary.rebalanced[1]!.scores, summary.plain);
    assert.ok(summary.calibration.error > 0 && summary.calibration.error < 1);
    assert.deepEqual(summarize(evaluation, []).rebalanced, []);
  });

  test('it changes nothing in the evaluation', () => {
    const evaluation = exampleEvaluation(50, counts);
    const before = structuredClone(evaluation);
    summarize(evaluation, [0, 1]);
    assert.deepEqual(evaluation, before);
  });

  test('the validation split, which keeps the long tail, is scored and re-balanced under a uniform class prior', () => {
    const evaluation = exampleEvaluation(300, counts, 'val');
    evaluation.labels.fill(0, 0, 200);
    const { logits, labels, classCounts } = evaluation;
    const weighted = rebalance(logits, 6, 1, uniformPriorWeights(labels, 6));
    assert.deepEqual(summarize(evaluation, [1]).rebalanced[0]!.predictions, weighted);
    assert.notDeepEqual(weighted, rebalance(logits, 6, 1));
    const { plain, rebalanced } = summarize(evaluation, [1]);
    const plainCounts = countPredictions(softmaxOf(logits, 6).predictions, labels, classCounts);
    const weightedCounts = countPredictions(weighted, labels, classCounts);
    assert.equal(plain.top1, topOne(plainCounts));
    assert.equal(plain.balanced_accuracy, meanClassAccuracy(plainCounts));
    assert.notEqual(plain.top1, plain.balanced_accuracy);
    assert.equal(rebalanced[0]!.scores.top1, topOne(weightedCounts));
    assert.equal(rebalanced[0]!.scores.balanced_accuracy, meanClassAccuracy(weightedCounts));
    assert.equal(selectingScore('val'), 'balanced_accuracy');
    assert.equal(selectingScore('test'), 'top1');
  });

  test('the best τ has the highest top-1, the smallest of equal ones', () => {
    const scores = (top1: number) => ({ top1, many: undefined, medium: undefined, few: undefined });
    const rebalanced = [
      { tau: 2, scores: scores(0.5) },
      { tau: 1, scores: scores(0.5) },
      { tau: 0, scores: scores(0.4) },
    ];
    assert.equal(bestTau({ rebalanced }), 1);
    assert.equal(bestTau({ rebalanced: [] }), undefined);
  });

  test('an oracle chooses among 0, 0.05, … 3 and the τ of the config, each once', () => {
    assert.deepEqual([oracleTaus(1).length, oracleTaus(0.3).length], [61, 61]);
    assert.deepEqual(oracleTaus(1.23).slice(24, 27), [1.2, 1.23, 1.25]);
    assert.deepEqual(oracleTaus(10).slice(-2), [3, 10]);
  });

  test('result rows name run, split, checkpoint, epoch and what chose epoch and τ; missing groups are absent', () => {
    const evaluation = exampleEvaluation(50, [500, 200]);
    const [plain, rebalanced] = resultRows(evaluation, summarize(evaluation, [1.5]), 'config');
    assert.deepEqual(Object.keys(plain!).slice(0, 8), [
      'run',
      'split',
      'checkpoint',
      'epoch',
      'selected_on',
      'top1',
      'many',
      'balanced_accuracy',
    ]);
    assert.equal(rebalanced!.tau, 1.5);
    assert.equal(rebalanced!.tau_selected_on, 'config');
    assert.deepEqual(JSON.parse(JSON.stringify(rebalanced)), rebalanced);
  });

  test('an unusable τ is a ConfigError', () => {
    assert.throws(() => summarize(exampleEvaluation(5, counts), [1, NaN]), ConfigError);
  });
});
