import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configDifference, configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';

const load = (...set: string[]) => loadConfig('cifar100_lt/gala_if100', { set }).config;

test('keys that decide no number change neither hash nor difference', () => {
  const same = load('name=x', 'threads=2', 'data.root=/data', 'data.workers=4', 'train.checkpoint_every=7');
  assert.match(configHash(same), /^[0-9a-f]{64}$/);
  assert.equal(configHash(same), configHash(load()));
  assert.deepEqual(configDifference(load(), same), []);
});

test('the order of keys does not change the hash', () => {
  const config = load();
  const turned = Object.fromEntries(Object.entries(config).reverse()) as typeof config;
  assert.equal(configHash(turned), configHash(config));
});

test('each key that decides numbers changes the hash and is shown with its old and new value', () => {
  const changes: [set: string, line: string][] = [
    ['seed=1', 'seed: 0 → 1'],
    ['data.subset_seed=1', 'data.subset_seed: 0 → 1'],
    ['loss.lambda1=2', 'loss.lambda1: 1.2 → 2'],
    ['optim.warmup_epochs=3', 'optim.warmup_epochs: "auto" → 3'],
    [
      'data.augment=[cutout]',
      'data.augment: ["random_crop","horizontal_flip","autoaugment_cifar10","cutout"] → ["cutout"]',
    ],
    ['eval.select_on=val', 'eval.select_on: "test" → "val"'],
    ['precision=fp32', 'precision: "auto" → "fp32"'],
  ];
  for (const [set, line] of changes) {
    assert.deepEqual(configDifference(load(), load(set)), [line]);
    assert.notEqual(configHash(load()), configHash(load(set)));
  }
});

test('keys of one loss only are shown as absent in the other', () => {
  assert.deepEqual(configDifference(load(), load('loss.name=cross_entropy')), [
    'loss.name: "gala" → "cross_entropy"',
    'loss.lambda1: 1.2 → (none)',
    'loss.lambda2: 0.9 → (none)',
    'loss.variant: "released" → (none)',
    'loss.accumulation: "released" → (none)',
  ]);
});
