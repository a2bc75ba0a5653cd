/** Which runs of a plan are measured as one kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { speedKey } from '../../src/sweep/estimate.js';

const keyOf = (...set: string[]) => speedKey(loadConfig('imagenet_lt/mixup_resnet50', { set }).config);

test('What changes the speed of a run makes another kind of it; seed, learning rate and length do not', () => {
  for (const assignment of [
    'seed=3',
    'optim.learning_rate=0.2',
    'train.epochs=7',
    'eval.every=3',
    'data.subset_seed=2',
  ]) {
    assert.equal(keyOf(assignment), keyOf(), assignment);
  }
  for (const assignment of [
    'data.image_size=160',
    'data.workers=3',
    'model.backbone=resnet10',
    'train.batch_size=32',
    'train.accumulate=4',
    'train.mixup_alpha=0',
    'devices=2',
    'threads=1',
  ]) {
    assert.notEqual(keyOf(assignment), keyOf(), assignment);
  }
});
