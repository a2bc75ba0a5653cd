import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configHash } from '../../src/config/identity.js';
import { describeKeys } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { complaint, configFiles, smallest } from './files.js';

const withLists = `data: {dataset: image_list, train_list: a.txt, val_list: b.txt, test_list: c.txt, root: /d, image_size: 96}
model: {backbone: resnet10, weights: w.pth}
loss: {name: gala, lambda1: 2}
optim: {learning_rate: 0.1, warmup_learning_rate: 0.1, momentum: 0.5, reference_batch_size: 32}
train: {epochs: 3, batch_size: 8}
seed: 5
`;

test('null in a child takes away what a parent sets: the key is as if it were not written', t => {
  const child = `extends: parent.yaml
data: {val_list: null, root: ~, image_size: Null}
model: {weights: null}
optim: {momentum: null, reference_batch_size: null}
loss: {lambda1: null}
seed: null
`;
  const path = configFiles(t, { 'parent.yaml': withLists, 'child.yaml': child });
  const { config, yaml, origins } = loadConfig(path('child.yaml'));
  assert.deepEqual(
    Object.keys(config.data).filter(key => ['val_list', 'root', 'image_size'].includes(key)),
    [],
  );
  assert.deepEqual([config.model.weights, config.optim.reference_batch_size], [undefined, undefined]);
  assert.deepEqual([config.optim.momentum, config.seed], [0.9, 0]);
  assert.deepEqual(config.loss, {
    name: 'gala',
    lambda1: 1,
    lambda2: 1,
    variant: 'released',
    accumulation: 'released',
  });
  assert.equal(origins.get('optim.momentum'), 'default');
  assert.ok(!yaml.includes('val_list') && !yaml.includes('null'));
});

test('so does --set, and a later layer sets the key again', t => {
  const path = configFiles(t, { 'a.yaml': withLists, 'b.yaml': 'extends: a.yaml\ndata: {val_list: null}\n' });
  assert.equal(loadConfig(path('a.yaml'), { set: ['data.val_list=null'] }).config.data.val_list, undefined);
  assert.equal(loadConfig(path('b.yaml'), { set: ['data.val_list=d.txt'] }).config.data.val_list, 'd.txt');
});

test(
  'every key that may be left out may be null, in a map of its own and in a stage, without a change of ' +
    'the experiment',
  t => {
    const optional = describeKeys().filter(
      ({ key, required, choice }) => !required && choice === undefined && !key.startsWith('stages'),
    );
    assert.ok(optional.length > 30);
    const path = configFiles(t, { 'a.yaml': smallest });
    const { config } = loadConfig(path('a.yaml'));
    for (const { key } of optional) {
      const unset = loadConfig(path('a.yaml'), { set: [`${key}=null`] }).config;
      assert.deepEqual(unset, config, key);
      assert.equal(configHash(unset), configHash(config), key);
    }
  },
);

test('a section and the stages of a parent can be given up', t => {
  const two = `${smallest}stages: {classifier: {freeze: {backbone: true}}}\nfreeze: {batch_stats: false}\n`;
  const path = configFiles(t, { 'two.yaml': two, 'one.yaml': 'extends: two.yaml\nstages: null\nfreeze: null\n' });
  assert.equal(loadConfig(path('one.yaml')).config.stages, undefined);
  const stage = loadConfig(path('two.yaml'), {
    set: ['model.weights=a.pth', 'stages.classifier.optim.momentum=0.2', 'stages.classifier.optim.momentum=null'],
  });
  assert.equal(stage.config.optim.momentum, 0.9);
  assert.equal(stage.config.stages?.representation.model.weights, 'a.pth');
});

test('a key that is needed, one that is not known and a value that is left empty are still told', t => {
  const path = configFiles(t, { 'a.yaml': withLists });
  const said = (assignment: string) => complaint(path('a.yaml'), { set: [assignment] }).message;
  assert.match(said('train.epochs=null'), /^train\.epochs is missing/);
  assert.match(said('data.vall_list=null'), /^unknown key "data\.vall_list"; did you mean "data\.val_list"/);
  assert.match(
    said('data.val_list='),
    /^data\.val_list must be a text, but has no value; null removes what a parent sets$/,
  );
});
