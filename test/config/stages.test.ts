import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configDifference, configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import { renderConfig } from '../../src/config/render.js';
import { complaint, configFiles, smallest } from './files.js';

const twoStages = `${smallest}stages:
  classifier:
    freeze: {backbone: true}
    data: {sampler: class_aware}
    loss: {name: gala, lambda1: 1.2}
    train: {epochs: 10}
`;

test('each stage is the top level with its own keys on top, and the classifier stage is the experiment', t => {
  const { config, warnings } = loadConfig(configFiles(t, { 'a.yaml': twoStages })('a.yaml'), { seed: 3 });
  assert.deepEqual(warnings, []);
  assert.equal(config.name, 'a');
  assert.deepEqual([config.loss.name, config.train.epochs, config.data.sampler], ['gala', 10, 'class_aware']);
  assert.deepEqual(config.freeze, { backbone: true, batch_stats: false });
  const { representation } = config.stages!;
  assert.equal(representation.name, 'a/representation');
  assert.deepEqual(
    [representation.loss.name, representation.train.epochs, representation.data.sampler],
    ['cross_entropy', 30, 'shuffled'],
  );
  assert.equal(representation.freeze.backbone, false);
  assert.deepEqual([config.seed, representation.seed], [3, 3]);
});

test('the first stage is the very experiment of the config that was extended', t => {
  const path = configFiles(t, {
    'first.yaml': smallest,
    'both.yaml': twoStages
      .replace(smallest, 'extends: first\n')
      .replace('stages:\n', 'stages:\n  representation: {name: first}\n'),
  });
  const { representation } = loadConfig(path('both.yaml')).config.stages!;
  assert.equal(representation.name, 'first');
  assert.equal(configHash(representation), configHash(loadConfig(path('first.yaml')).config));
});

test('the resolved text loads to the same experiment, also with another thread count written into it', t => {
  const first = loadConfig(configFiles(t, { 'a.yaml': twoStages })('a.yaml'), { set: ['train.mixup_alpha=0.4'] });
  const again = configFiles(t, { 'config.yaml': first.yaml })('config.yaml');
  assert.deepEqual(loadConfig(again).config, first.config);
  const threaded = { ...first.config, threads: 7 };
  const other = configFiles(t, { 'b.yaml': renderConfig(threaded, 'head') })('b.yaml');
  assert.equal(loadConfig(other).config.threads, 7);
  assert.equal(loadConfig(other).config.stages!.representation.threads, 7);
  assert.equal(configHash(loadConfig(other).config), configHash(first.config));
});

test('a key without a default that only the first stage has stays its own in the resolved text', t => {
  const { config, yaml } = loadConfig(configFiles(t, { 'a.yaml': twoStages })('a.yaml'), {
    set: ['stages.representation.optim.reference_batch_size=64', 'stages.representation.model.weights=first.pth'],
  });
  const again = loadConfig(configFiles(t, { 'config.yaml': yaml })('config.yaml')).config;
  assert.equal(again.optim.reference_batch_size, undefined);
  assert.deepEqual(again, config);
});

test('what both stages have alike can be set for both in the resolved text', t => {
  const { yaml } = loadConfig(configFiles(t, { 'a.yaml': twoStages })('a.yaml'), { set: ['device=cuda'] });
  const set = ['device=cpu', 'data.workers=4', 'train.checkpoint_every=2'];
  const { config } = loadConfig(configFiles(t, { 'config.yaml': yaml })('config.yaml'), { set });
  for (const { device, data, train } of [config, config.stages!.representation]) {
    assert.deepEqual([device, data.workers, train.checkpoint_every], ['cpu', 4, 2]);
  }
});

test('both stages decide what the experiment is', t => {
  const path = configFiles(t, { 'a.yaml': twoStages })('a.yaml');
  const load = (...set: string[]) => loadConfig(path, { set }).config;
  assert.deepEqual(configDifference(load(), load('stages.classifier.loss.lambda1=2')), ['loss.lambda1: 1.2 → 2']);
  assert.deepEqual(configDifference(load(), load('stages.representation.train.epochs=50')), [
    'stages.representation.train.epochs: 30 → 50',
  ]);
  assert.deepEqual(configDifference(load(), load('data.subset_seed=1', 'data.imbalance_factor=2')), [
    'data.imbalance_factor: 1 → 2',
    'data.subset_seed: 0 → 1',
  ]);
  assert.notEqual(configHash(load()), configHash(load('stages.representation.train.epochs=50')));
  const { stages: _, ...classifierAlone } = load();
  assert.notEqual(configHash(load()), configHash(classifierAlone));
});

test('the name of a loss replaces its map in a stage too, and --set reaches into a stage', t => {
  const path = configFiles(t, { 'a.yaml': twoStages })('a.yaml');
  const { loss } = loadConfig(path, { set: ['stages.classifier.loss.name=focal'] }).config;
  assert.deepEqual(loss, { name: 'focal', gamma: 2 });
});

const refused: readonly [stages: string, where: RegExp, message: RegExp][] = [
  ['{classifer: {}}', /:6:10$/, /unknown key "stages\.classifer"; did you mean "classifier"\?/],
  ['[1]', /:6:9$/, /stages must be a map with the keys representation and classifier/],
  ['{classifier: 3}', /:6:22$/, /stages\.classifier must be a map of the keys/],
  [
    '{classifier: {data: {dataset: cifar10}}}',
    /:6:30$/,
    /data\.dataset is the same in both stages; write it at the top/,
  ],
  ['{classifier: {seed: 3}}', /:6:23$/, /seed is the same in both stages/],
  ['{classifier: {name: x}}', /:6:23$/, /stages\.classifier cannot have the key name/],
  ['{representation: {stages: {}}}', /:6:27$/, /stages\.representation cannot have the key stages/],
  [
    '{classifier: {loss: {name: gala, lamda1: 1}}}',
    /:6:42$/,
    /unknown key "loss\.lamda1"; did you mean "loss\.lambda1"\?/,
  ],
  [
    '{classifier: {eval: {select_on: val}}}',
    /:6:41$/,
    /the first stage trains on the images that the second holds out/,
  ],
  [
    '{representation: {eval: {select_on: val, val_fraction: 0.2}}, classifier: {eval: {select_on: val}}}',
    /:6:\d+$/,
    /the first stage trains on the images that the second holds out/,
  ],
  ['{classifier: {optim: {warmup_epochs: 40}}}', /:6:46$/, /warmup_epochs is 40, but train\.epochs is 30;/],
];

for (const [stages, where, message] of refused) {
  test(`stages: ${stages} is refused where it was written`, t => {
    const found = complaint(configFiles(t, { 'a.yaml': `${smallest}stages: ${stages}\n` })('a.yaml'));
    assert.match(found.where ?? '', where);
    assert.match(found.message, message);
  });
}

test('a second stage may choose on images that the first holds out too, or on those of a set that has its own', t => {
  const load = (...set: string[]) => loadConfig(configFiles(t, { 'a.yaml': twoStages })('a.yaml'), { set });
  assert.equal(load('eval.select_on=val').config.stages!.representation.eval.select_on, 'val');
  const imagenet = ['data.dataset=imagenet_lt', 'model.backbone=resnet50', 'stages.classifier.eval.select_on=val'];
  assert.equal(load(...imagenet).config.eval.select_on, 'val');
});

test('a problem of the top level is reported once, not once a stage', t => {
  const text = twoStages.replace('learning_rate: 0.1', 'learning_rate: -1');
  const { message } = complaint(configFiles(t, { 'a.yaml': text })('a.yaml'));
  assert.match(message, /^optim\.learning_rate must be a number/);
});

const contradictions: readonly [set: string[], message: RegExp][] = [
  [['freeze.backbone=true'], /the backbone has no weights to keep/],
  [['freeze.batch_stats=true'], /freeze\.batch_stats needs a frozen backbone/],
  [['train.epochs=0'], /train\.epochs is 0, but model\.head is to be trained/],
  [
    ['model.head=tau_normalized', 'train.epochs=0', 'eval.select_on=last'],
    /made of a trained classifier; give a first stage/,
  ],
  [
    ['stages.classifier={model: {head: tau_normalized}, eval: {select_on: last}}'],
    /train\.epochs must be 0 with model\.head tau_normalized/,
  ],
  [
    ['stages.classifier={model: {head: tau_normalized}, train: {epochs: 0}}'],
    /eval\.select_on must be last where train\.epochs is 0/,
  ],
];

for (const [set, message] of contradictions) {
  test(`${set.join(' and ')} is refused`, t => {
    assert.match(complaint(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set }).message, message);
  });
}

test('a file of weights is what the first stage begins with, and needs no epochs there', t => {
  const text = twoStages.replace('backbone: resnet32', 'backbone: resnet32, weights: a.pth');
  const path = configFiles(t, { 'a.yaml': text })('a.yaml');
  const set = ['stages.representation={train: {epochs: 0}, eval: {select_on: last}}'];
  const { config, yaml } = loadConfig(path, { set });
  assert.equal(config.stages!.representation.model.weights, 'a.pth');
  assert.equal(config.model.weights, undefined);
  assert.deepEqual(loadConfig(configFiles(t, { 'b.yaml': yaml })('b.yaml')).config, config);
  const chosen = complaint(path, { set: ['stages.representation.train.epochs=0'] });
  assert.match(chosen.message, /eval\.select_on must be last where train\.epochs is 0/);
});
