import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configDifference, configHash } from '../../src/config/identity.js';
import { describeKeys } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { packageRoot } from '../e2e/gala.js';

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

/** As docs/configs.md lists them. */
const outside = [
  ...['name', 'device', 'devices', 'threads', 'data.root', 'data.workers', 'data.verify'],
  ...['train.checkpoint_every', 'train.steps_per_call'],
];

test('Every key changes the hash, except the keys that decide no number', () => {
  for (const { key, choice } of describeKeys().filter(({ key }) => !key.startsWith('stages.'))) {
    const config = structuredClone(load());
    const path = key.split('.');
    const parent = path.slice(0, -1).reduce<Record<string, unknown>>(
      (map, part) => {
        map[part] ??= {};
        return map[part] as Record<string, unknown>;
      },
      config as unknown as Record<string, unknown>,
    );
    if (choice !== undefined) parent.name = choice;
    const before = configHash(structuredClone(config));
    parent[path.at(-1)!] = 'another value';
    assert.equal(configHash(config) === before, outside.includes(key), key);
  }
});

test('A config that was recorded keeps its hash', () => {
  const file = join(packageRoot, 'results/cifar100_lt/two_stage_if100-seed0-subset0.json');
  const record = JSON.parse(readFileSync(file, 'utf8')) as { first_stage: { config_hash: string } };
  const { stages } = loadConfig('cifar100_lt/two_stage_if100').config;
  assert.equal(configHash(stages!.representation), record.first_stage.config_hash);
});
