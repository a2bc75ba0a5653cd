/** Bounds of many, medium and few that a config sets (`eval.groups`), from the scores to the tables. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { classAccuracies } from '../../src/eval/metrics.js';
import { summarize } from '../../src/eval/summary.js';
import { perClassCsv } from '../../src/tables/resultFiles.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleEvaluation } from './example.js';

const counts = [500, 160, 140, 30, 12, 8];
const evaluation = { ...exampleEvaluation(600, counts), groups: { many: 150, few: 10 } };

test('scores are means over the classes inside the bounds', () => {
  const { plain, predictions } = summarize(evaluation, [1]);
  const accuracies = classAccuracies(predictions, evaluation.labels, counts.length);
  const mean = (...classes: number[]) => classes.reduce((sum, c) => sum + accuracies[c]!, 0) / classes.length;
  const expected = { many: mean(0, 1), medium: mean(2, 3, 4), few: mean(5) };
  for (const [group, value] of Object.entries(expected))
    assert.ok(Math.abs(plain[group as keyof typeof expected]! - value) < 1e-12, group);
});

test('the bounds are in the logits file and in per_class.csv', () => {
  const file = join(temporaryFolder(), 'test-best.safetensors');
  writeLogitsFile(file, evaluation);
  assert.deepEqual(readLogitsFile(file).groups, evaluation.groups);
  const { predictions } = summarize(evaluation, [1]);
  const lines = perClassCsv(evaluation, predictions, predictions).trim().split('\n').slice(1);
  assert.deepEqual(
    lines.map(line => line.split(',')[3]),
    ['many', 'many', 'medium', 'medium', 'medium', 'few'],
  );
});
