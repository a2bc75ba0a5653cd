import assert from 'node:assert/strict';
import { basename, dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { configsFolder, findParent, nameFromPath } from '../../src/config/locate.js';
import { complaint, configFiles, smallest } from './files.js';

test('a config of the package is found by name, with and without the extension', () => {
  const byName = loadConfig('cifar100_lt/gala_if100');
  assert.deepEqual(loadConfig('cifar100_lt/gala_if100.yaml').config, byName.config);
  assert.deepEqual(loadConfig(byName.path).config, byName.config);
  assert.equal(byName.config.name, 'cifar100_lt/gala_if100');
  assert.deepEqual(
    byName.sources.map(path => basename(path)),
    ['cifar_resnet32.yaml', 'gala_ifN.yaml'],
  );
});

test('defaults are filled in and marked as such', t => {
  const path = configFiles(t, { 'a.yaml': smallest })('a.yaml');
  const { config, origins } = loadConfig(path);
  assert.equal(config.train.batch_size, 64);
  assert.equal(config.eval.tau, 1);
  assert.equal(config.name, 'a');
  assert.equal(origins.get('train.batch_size'), 'default');
  assert.equal(origins.get('train.epochs'), `${path}:5:17`);
  assert.equal(origins.get('name'), 'path of the file');
});

test('the name of an experiment is its path below configs, else the base name, with odd characters replaced', () => {
  assert.equal(nameFromPath('/home/me/configs/mine/long tail.yaml'), 'mine/long_tail');
  assert.equal(nameFromPath('/home/me/other/a.yml'), 'a');
  assert.equal(nameFromPath('/home/me/configs'), 'configs');
  assert.equal(nameFromPath('/home/me/.hidden.yaml'), 'hidden');
});

test('the resolved text loads to the same config, on its own', t => {
  for (const name of ['cifar100_lt/gala_paper_if100', 'cifar10_lt/cross_entropy_if10', 'fashion_mnist_lt/gala']) {
    const first = loadConfig(name, { set: ['optim.weight_decay=1e-7', 'data.root="a: b #c"'], seed: 7 });
    const again = configFiles(t, { 'config.yaml': first.yaml })('config.yaml');
    assert.deepEqual(loadConfig(again).config, first.config);
    assert.deepEqual(loadConfig(again).sources, [again]);
  }
});

test(
  'a file merges over its parents: maps by key, lists and values replaced, the later parent and the ' +
    'file itself winning',
  t => {
    const path = configFiles(t, {
      'base/first.yaml': `${smallest.replace('{epochs: 30}', '{epochs: 30, batch_size: 16}')}seed: 1\n`,
      'base/second.yaml': 'seed: 2\ndata: {augment: [random_crop, cutout]}\nthreads: 2\n',
      'configs/own.yaml': 'extends: [../base/first, ../base/second.yaml]\ndata: {augment: [cutout]}\nthreads: 3\n',
    });
    const { config, sources, origins } = loadConfig(path('configs/own.yaml'));
    assert.equal(config.train.epochs, 30);
    assert.equal(config.train.batch_size, 16);
    assert.equal(config.seed, 2);
    assert.equal(config.threads, 3);
    assert.deepEqual(config.data.augment, ['cutout']);
    assert.deepEqual(sources, ['base/first.yaml', 'base/second.yaml', 'configs/own.yaml'].map(path));
    assert.equal(origins.get('seed'), `${path('base/second.yaml')}:1:7`);
  },
);

test('another loss replaces the whole map, the same loss merges', t => {
  const path = configFiles(t, {
    'other.yaml': 'extends: cifar100_lt/gala_if100\nloss: {name: cross_entropy}\n',
    'same.yaml': 'extends: cifar100_lt/gala_if100\nloss: {name: gala, variant: paper}\n',
    'unnamed.yaml': 'extends: cifar100_lt/gala_if100\nloss: {lambda1: 2}\n',
  });
  assert.deepEqual(loadConfig(path('other.yaml')).config.loss, { name: 'cross_entropy' });
  const gala = { name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' };
  assert.deepEqual(loadConfig(path('same.yaml')).config.loss, { ...gala, variant: 'paper' });
  assert.deepEqual(loadConfig(path('unnamed.yaml')).config.loss, { ...gala, lambda1: 2 });
});

test('the name of a parent is not inherited', t => {
  const path = configFiles(t, { 'a.yaml': `name: special\n${smallest}`, 'b.yaml': 'extends: ./a.yaml\n' });
  assert.equal(loadConfig(path('a.yaml')).config.name, 'special');
  assert.equal(loadConfig(path('b.yaml')).config.name, 'b');
});

test('--set lies on top of the files and --seed on top of it', () => {
  const set = ['train.epochs=3', 'train.epochs=5', 'data.augment=[cutout]', 'seed=4', 'name=mine', 'data.root="/x y"'];
  const { config, origins } = loadConfig('cifar100_lt/gala_if100', { set, seed: 9 });
  assert.equal(config.train.epochs, 5);
  assert.deepEqual(config.data.augment, ['cutout']);
  assert.equal(config.seed, 9);
  assert.equal(config.name, 'mine');
  assert.equal(config.data.root, '/x y');
  assert.equal(origins.get('train.epochs'), 'train.epochs=5');
  assert.equal(origins.get('seed'), '--seed');
});

test('--set of another loss drops the keys of the former one but keeps those given beside it, in any order', () => {
  const toCrossEntropy = loadConfig('cifar100_lt/gala_if100', { set: ['loss.name=cross_entropy'] });
  assert.deepEqual(toCrossEntropy.config.loss, { name: 'cross_entropy' });
  const toGala = loadConfig('cifar100_lt/cross_entropy_if100', { set: ['loss.lambda1=2', 'loss.name=gala'] });
  assert.equal(toGala.config.loss.name === 'gala' && toGala.config.loss.lambda1, 2);
});

test('anchors and aliases are written out', t => {
  const text = smallest.replace('{learning_rate: 0.1}', '{learning_rate: &rate 0.1, warmup_learning_rate: *rate}');
  const { config, origins } = loadConfig(configFiles(t, { 'a.yaml': text })('a.yaml'));
  assert.equal(config.optim.warmup_learning_rate, 0.1);
  assert.match(origins.get('optim.warmup_learning_rate')!, /:4:57$/);
});

test('a file given by path wins over a config of the package', t => {
  const path = configFiles(t, {
    'cifar100_lt/gala_if100.yaml': smallest,
    'child.yaml': 'extends: cifar100_lt/gala_if100\n',
  });
  assert.equal(loadConfig(path('child.yaml')).config.loss.name, 'cross_entropy');
});

test('a config that does not exist is answered with near names', () => {
  assert.match(
    complaint('cifar100_lt/gala_if1OO').message,
    /did you mean cifar100_lt\/gala_if10 or cifar100_lt\/gala_if100\?$/,
  );
  assert.match(complaint('gala_if50').message, /did you mean cifar100_lt\/gala_if50 or cifar10_lt\/gala_if50\?/);
  assert.equal(complaint('zzzzzzzzzz').message, 'There is no config "zzzzzzzzzz"');
  assert.match(
    complaint('cifar10_lt').message,
    /is a folder with the configs cifar10_lt\/balanced_softmax_if10, .* and 24 more \(gala config list\)$/,
  );
});

test('a name does not lead out of the package’s configs folder', t => {
  const path = configFiles(t, { 'a.yaml': smallest });
  const outside = relative(configsFolder, path('a.yaml'));
  const deep = path('1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16'); // so deep that `outside` means nothing from here
  assert.equal(findParent(outside, deep), undefined);
  assert.equal(findParent('recipes/cifar_resnet32', deep), join(configsFolder, 'recipes/cifar_resnet32.yaml'));
});

test('a name that no file can have is not found rather than a crash', () => {
  assert.match(complaint('x\0y').message, /^There is no config/);
  assert.match(complaint('x'.repeat(5000)).message, /^There is no config/);
});

test('of a folder elsewhere only the configs in it are named: what lies deeper may be a whole disk, or closed', t => {
  const path = configFiles(t, { 'a.yaml': smallest, 'deep/b.yaml': smallest });
  assert.match(complaint(dirname(path('a.yaml'))).message, /is a folder with the configs [^,]*\/a$/);
});

test('files that extend one another twice each are refused before they are read millions of times', t => {
  const doubled = Array.from({ length: 30 }, (_, i) => [`${i}.yaml`, `extends: [./${i + 1}.yaml, ./${i + 1}.yaml]`]);
  const path = configFiles(t, { ...Object.fromEntries(doubled), '30.yaml': smallest });
  assert.match(complaint(path('0.yaml')).message, /^extends reads more than 100 files/);
  assert.equal(loadConfig(path('25.yaml')).config.name, '25');
  const wide = configFiles(t, { 'a.yaml': `extends: [${'./b.yaml, '.repeat(5_000)}]`, 'b.yaml': smallest });
  assert.match(complaint(wide('a.yaml')).message, /^extends reads more than 100 files/);
});
