import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readLogitsFile } from '../../src/eval/logitsFile.js';
import { bestTau, oracleTaus, summarize } from '../../src/eval/summary.js';
import type { EpochMetrics } from '../../src/run/metricsLog.js';
import { readRecord } from '../../src/run/record.js';
import { rebalancedBestOf, scoresOfRun, storedScores } from '../../src/run/storedScores.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';

const line = (epoch: number, test: number, val: number): EpochMetrics => ({
  epoch,
  test_top1: 90,
  test_top1_rebalanced: test,
  test_many_rebalanced: test + 10,
  test_few_rebalanced: test - 10,
  val_top1_rebalanced: val,
});
const metrics: EpochMetrics[] = [
  { epoch: 1, loss: 2 },
  line(2, 50.12, 40),
  line(3, 51.34, 45),
  line(4, 51.34, 46),
  line(5, 49, 46),
];

describe('the epoch that re-balanced accuracy would have chosen', () => {
  test('it is the first of those with the highest value on the selecting split, told by its accuracies on test', () => {
    assert.deepEqual(rebalancedBestOf(metrics, { select_on: 'test', tau: 1 }), {
      epoch: 3,
      selected_on: 'test',
      tau: 1,
      top1: 51.34,
      many: 61.34,
      few: 41.34,
    });
    const chosenOnVal = rebalancedBestOf(metrics, { select_on: 'val', tau: 0.5 })!;
    assert.deepEqual([chosenOnVal.epoch, chosenOnVal.selected_on, chosenOnVal.tau], [4, 'val', 0.5]);
    const recorded = metrics.map(line => ({ ...line, val_balanced_accuracy_rebalanced: -line.epoch }));
    assert.equal(rebalancedBestOf(recorded.slice(2), { select_on: 'val', tau: 0.5 })!.epoch, 3, 'by balanced accuracy');
  });

  test('there is none where the last epoch is taken, or the metrics lack the split', () => {
    assert.equal(rebalancedBestOf(metrics, { select_on: 'last', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf(metrics.slice(0, 1), { select_on: 'test', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf([{ epoch: 1, test_top1_rebalanced: 3 }], { select_on: 'val', tau: 1 }), undefined);
    assert.equal(rebalancedBestOf([], { select_on: 'test', tau: 1 }), undefined);
  });
});

describe('the scores of a finished run', () => {
  const { directory, record: path, logits } = writeExampleRun(temporaryFolder(), { checkpoints: ['best', 'last'] });
  const record = readRecord(path);

  test('run.json has those of its logits and of its best re-balanced epoch', () => {
    const { results, oracle, rebalanced_best } = storedScores(record)!;
    assert.deepEqual(
      results.map(({ checkpoint, method = 'tau', tau_selected_on }) => [checkpoint, method, tau_selected_on]),
      ['best', 'last'].flatMap(checkpoint => [
        [checkpoint, 'tau', undefined],
        [checkpoint, 'tau', 'config'],
        [checkpoint, 'equal_masses', undefined],
      ]),
    );
    const best = readLogitsFile(`${logits}/test-best.safetensors`);
    assert.equal(oracle.tau, bestTau(summarize(best, oracleTaus(1))));
    assert.deepEqual([oracle.checkpoint, oracle.tau_selected_on], ['best', 'test']);
    assert.deepEqual([rebalanced_best!.epoch, rebalanced_best!.top1], [3, 63]);
  });

  test('where run.json of an older gala lacks one, all are counted from the logits; where it has all, none is', () => {
    const stored = scoresOfRun({ directory, record });
    const { oracle: _, rebalanced_best: __, metrics: ___, ...older } = record;
    assert.deepEqual(scoresOfRun({ directory, record: older }), stored);
    assert.deepEqual(scoresOfRun({ directory, record: { ...record, metrics: ['top1', 'few'] } }), stored);
    const withoutEqualMasses = record.results.filter(({ method }) => method === undefined);
    assert.deepEqual(scoresOfRun({ directory, record: { ...record, results: withoutEqualMasses } }), stored);
    rmSync(logits, { recursive: true });
    assert.deepEqual(scoresOfRun({ directory, record }), stored);
    assert.throws(() => scoresOfRun({ directory, record: older }), { name: 'StorageError' });
  });

  test('a run that goes on has none yet', () => {
    assert.equal(storedScores({ ...record, status: 'running' }), undefined);
  });
});
