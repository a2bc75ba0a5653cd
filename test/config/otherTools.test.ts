/** Keys and words that users of Hydra, MMPretrain, timm or Lightning write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintForOption } from '../../src/cli/options.js';
import { describeKeys } from '../../src/config/keys.js';
import { keyOfOtherTool } from '../../src/config/otherTools.js';
import { complaint, configFiles } from './files.js';

test('no key of gala at the top level stands for another one', () => {
  for (const { key } of describeKeys()) if (!key.includes('.')) assert.equal(keyOfOtherTool(key), undefined, key);
});

for (const [set, message] of [
  ['lr=0.2', 'unknown key "lr"; in gala it is optim.learning_rate'],
  ['optimizer.name=sgd', 'unknown key "optimizer"; in gala it is optim'],
  ['trainer.max_epochs=3', 'unknown key "trainer"; in gala it is train'],
  ['train.max_epochs=3', 'unknown key "train.max_epochs"; in gala it is train.epochs'],
  ['train.epoch=3', 'unknown key "train.epoch"; did you mean "train.epochs"?'],
] as const) {
  test(`--set ${set} names the key of gala`, () => {
    assert.equal(complaint('fashion_mnist_lt/gala', { set: [set] }).message, message);
  });
}

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
  assert.match(await hintForOption("error: unknown option '--epochs'"), /gala train CONFIG train\.epochs=VALUE/);
  assert.match(await hintForOption("error: unknown option '--batch-size'"), /train\.batch_size=VALUE/);
  assert.match(await hintForOption("error: unknown option '--lr'"), /optim\.learning_rate=VALUE/);
  assert.equal(await hintForOption("error: unknown option '--frobnicate'"), '');
  assert.equal(keyOfOtherTool('frobnicate'), undefined);
});
