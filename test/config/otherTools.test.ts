/** Keys and words that users of Hydra, MMPretrain, timm or Lightning write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintForOption } from '../../src/cli/options.js';
import { describeKeys } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { keyOfOtherTool } from '../../src/config/otherTools.js';
import { complaint, configFiles } from './files.js';

test('no key of gala at the top level stands for another one', () => {
  for (const { key } of describeKeys()) if (!key.includes('.')) assert.equal(keyOfOtherTool(key), undefined, key);
});

for (const [set, message] of [
  ['lr=0.2', 'unknown key "lr"; in gala it is optim.learning_rate'],
  ['optimizer.name=sgd', 'unknown key "optimizer.name"; in gala it is optim.name'],
  ['optimizer=sgd', 'unknown key "optimizer"; in gala it is optim.name'],
  ['optim_wrapper.optimizer.lr=1', 'unknown key "optim_wrapper.optimizer.lr"; in gala it is optim.learning_rate'],
  ['optimizer.params.weight_decay=0', 'unknown key "optimizer.params.weight_decay"; in gala it is optim.weight_decay'],
  ['trainer.max_epochs=3', 'unknown key "trainer.max_epochs"; in gala it is train.epochs'],
  ['trainer.accelerator=gpu', 'unknown key "trainer.accelerator"; in gala it is device'],
  ['trainer.precision=fp32', 'unknown key "trainer.precision"; in gala it is precision'],
  ['trainer.frobnicate=1', 'unknown key "trainer"; in gala it is train'],
  ['train.max_epochs=3', 'unknown key "train.max_epochs"; in gala it is train.epochs'],
  ['train.epoch=3', 'unknown key "train.epoch"; did you mean "train.epochs"?'],
] as const) {
  test(`${set} names the key of gala`, () => {
    assert.equal(complaint('fashion_mnist_lt/gala', { set: [set] }).message, message);
  });
}

test('a word that means something else in its section is not answered with a command', () => {
  for (const [set, message] of [
    ['lr_scheduler.gamma=0.1', /^unknown key "lr_scheduler"; the keys of the top level are /],
    ['random_resized_crop.scale=0.2', /^unknown key "random_resized_crop"; the keys of the top level are /],
    ['scheduler.name=cosine', /^unknown key "scheduler"; the keys of the top level are /],
    ['optim.gamma=1', /^unknown key "optim.gamma"; did you mean "loss.gamma"\?$/],
  ] as const)
    assert.throws(() => loadConfig('fashion_mnist_lt/gala', { set: [set] }), {
      message,
      where: set,
      corrections: undefined,
    });
});

test('a section of another tool is answered key by key, each at its place in the file', t => {
  const path = configFiles(t, {
    'a.yaml': 'extends: fashion_mnist_lt/gala\ntrainer: {max_epochs: 3, devices: 2,\n  logger: true}\n',
  })('a.yaml');
  assert.deepEqual(complaint(path).message.split('\n').slice(1), [
    '  a.yaml:2:11: unknown key "trainer.max_epochs"; in gala it is train.epochs',
    '  a.yaml:2:26: unknown key "trainer.devices"; in gala it is devices',
    '  a.yaml:3:3: unknown key "trainer.logger"; gala has no such key in train',
  ]);
});

test('a loss as a bare name is answered with the map that says it, in a file and on the command line', t => {
  const path = configFiles(t, { 'a.yaml': 'extends: fashion_mnist_lt/gala\nloss: focal\n' })('a.yaml');
  assert.match(complaint(path).message, /; write loss: \{name: focal\}$/);
  assert.match(complaint('fashion_mnist_lt/gala', { set: ['loss=focal'] }).message, /; write loss\.name=focal$/);
  assert.match(
    complaint('fashion_mnist_lt/gala', { set: ['loss=ce'] }).message,
    /; write loss\.name=NAME, NAME being one of cross_entropy, /,
  );
});

test('parents written as in Hydra and MMPretrain, and a parent with a slip, are answered with extends', t => {
  const read = configFiles(t, {
    'a.yaml': 'defaults: [base]\n',
    'b.yaml': '_base_: [base]\n',
    'both.yaml': 'defaults: [base]\n_base_: [base]\n',
    'c.yaml': 'extends: fashion_mnist_lt/galla\n',
    'd.yaml': 'extends: recipes/cifar_resnet23\n',
  });
  for (const name of ['a.yaml', 'b.yaml'])
    assert.match(complaint(read(name)).message, /^unknown key .*takes parent configs from extends/);
  assert.match(complaint(read('both.yaml')).message, /^The config has 2 problems:/);
  assert.match(complaint(read('c.yaml')).message, /did you mean "fashion_mnist_lt\/gala"\?$/);
  assert.match(complaint(read('d.yaml')).message, /did you mean "recipes\/cifar_resnet32"\?$/);
});

test('an option that is a key is answered with the key, other options are not', async () => {
  const hint = (option: string, ...words: string[]) => hintForOption(`error: unknown option '${option}'`, words);
  assert.equal(await hint('--epochs', 'train', 'C', '--epochs', '3'), 'next:  gala train C train.epochs=3\n');
  assert.equal(await hint('--lr', 'train', '--lr=0.2', 'C'), 'next:  gala train optim.learning_rate=0.2 C\n');
  assert.match(await hint('--batch-size', 'train', 'C', '--batch-size', '--json'), /train\.batch_size=VALUE --json/);
  assert.match(await hint('-m', 'sweep', 'C', '-m', 'seed=0,1'), / gala sweep C seed=0,1\n$/);
  assert.equal(await hint('--frobnicate', 'train', '--frobnicate'), '');
  assert.equal(await hint('--epochs', 'eval', '--epochs', '3'), '', 'a command without keys');
  assert.equal(keyOfOtherTool('frobnicate'), undefined);
});
