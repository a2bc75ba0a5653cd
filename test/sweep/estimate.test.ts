/** Which runs of a plan are measured as one kind, and the bytes that a run is planned to leave. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { bytesOf, diskKey, plannedSet, speedKey } from '../../src/sweep/estimate.js';
import { initialStateOf } from '../../src/train/experiment.js';

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
    'distill.teacher=set/teacher',
    'devices=2',
    'threads=1',
  ]) {
    assert.notEqual(keyOf(assignment), keyOf(), assignment);
  }
});

const configOf = (set: readonly string[]) => loadConfig('cifar100_lt/gala_if100', { set }).config;

test('The checkpoints of a run take the bytes of its state, counted without drawing a weight', async () => {
  for (const set of [
    [],
    ['train.ema_decay=0.99', 'eval.select_on=test'],
    ['train.accumulate=4', 'train.mixup_alpha=0.2'],
    ['model.head=cosine', 'loss={name: ldam}'],
    ['distill={teacher: set/teacher, seeds: [1, 2]}'],
    ['model.weights=a.safetensors', 'freeze.backbone=true', 'freeze.batch_stats=true'],
  ]) {
    const config = configOf(set);
    const planned = await plannedSet(config, undefined);
    const state = initialStateOf(config, 3, planned.counts);
    const bytes = Object.values(state).reduce((sum, { data }) => sum + data.byteLength, 0);
    const kept = config.eval.select_on === 'last' ? 2 : 3;
    assert.equal(bytesOf(config, planned).checkpoints, kept * bytes, set.join(' '));
  }
});

test('Runs that differ in the numbers of a loss or the learning rate leave equally many bytes', async () => {
  const planned = await plannedSet(configOf([]), undefined);
  for (const set of [['loss.lambda1=0.7'], ['optim.learning_rate=0.2'], ['seed=4']]) {
    assert.equal(diskKey(configOf(set)), diskKey(configOf([])), set.join());
    assert.deepEqual(bytesOf(configOf(set), planned), bytesOf(configOf([]), planned), set.join());
  }
  for (const set of [
    ['loss.accumulation=plain'],
    ['loss={name: cross_entropy}'],
    ['train.ema_decay=0.9'],
    ['distill.teacher=a'],
  ]) {
    assert.notEqual(diskKey(configOf(set)), diskKey(configOf([])), set.join());
    assert.notDeepEqual(bytesOf(configOf(set), planned), bytesOf(configOf([]), planned), set.join());
  }
});
