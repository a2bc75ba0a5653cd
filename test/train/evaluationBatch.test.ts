import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { evaluationBatch } from '../../src/train/experiment.js';

const configWith = (...set: string[]) => loadConfig('cifar100_lt/gala_if100', { set }).config;
const square = (side: number) => ({ height: side, width: side });

test('An evaluation takes eval.batch_size images at once, no more than there are, and fewer large ones', () => {
  const config = configWith();
  assert.equal(evaluationBatch(config, square(32), 10_000), 500);
  assert.equal(evaluationBatch(config, square(32), 15), 15);
  assert.equal(evaluationBatch(config, square(224), 50_000), 100);
  assert.equal(evaluationBatch(config, square(4096), 50_000), 1);
  assert.equal(evaluationBatch(configWith('eval.batch_size=40'), square(224), 50_000), 40);
});

test('A batch that several devices share stays divisible by their number', () => {
  assert.equal(evaluationBatch(configWith('devices=4', 'engine=xla'), square(32), 15), 16);
  assert.equal(evaluationBatch(configWith('devices=3', 'engine=xla', 'train.batch_size=63'), square(32), 15), 15);
});
