/** Config files and --set: what is wrong with the text, the keys, the values, or their combination. */
import { mkdirSync } from 'node:fs';
import { loadConfig } from '../../src/config/load.js';
import { smallest } from '../config/files.js';
import type { Cases, Place } from './catalogue.js';

const text =
  (content: string | Uint8Array, set: readonly string[] = []) =>
  ({ file }: Place) => {
    file('mine.yaml', content);
    loadConfig('mine.yaml', { set });
  };
const changed = (from: string, to: string) => text(smallest.replace(from, to));
const bundled = (...set: string[]) => text('extends: fashion_mnist_lt/gala\n', set);

export const configCases: Cases = {
  'a config that does not exist': () => loadConfig('cifar100_lt/galla_if100'),
  'a config that is like nothing known': () => loadConfig('qwertyuiop'),
  'a folder of configs': () => loadConfig('cifar100_lt'),
  'a folder without configs': ({ at }) => {
    mkdirSync(at('empty'));
    loadConfig('empty');
  },
  'a misspelt key': changed('epochs: 30', 'epochs: 30, batchsize: 8'),
  'a key in the wrong place': text(`${smallest}epochs: 3\n`),
  'a key of another loss': changed('cross_entropy', 'cross_entropy, lambda1: 1'),
  'a key like nothing known': changed('{backbone', '{qwertyuiop: 1, backbone'),
  'a YAML merge key': text(`${smallest}<<: {seed: 3}\n`),
  'a misspelt value': changed('resnet32', 'resnet_32'),
  'a value out of range': text(`${smallest}eval:\n  tau: 11\n`),
  'a τ that is not a number': bundled('eval.tau=high'),
  'a τ that is YAML’s not-a-number': bundled('eval.tau=.nan'),
  'a fraction where a whole number is wanted': changed('30', '2.5'),
  'a number in quotes': changed('30', '"30"'),
  'a value of neither alternative': text(`${smallest}threads: many\n`),
  'a wrong item of a list': changed('cifar100', 'cifar100, augment: [cutout, random_flip]'),
  'a missing key': changed('learning_rate: 0.1', ''),
  'a section without a value': changed('{backbone: resnet32}', ''),
  'a section that is a list': changed('{name: cross_entropy}', '[gala]'),
  'a name that leaves the folder of runs': text(`name: ../../etc\n${smallest}`),
  'a key given twice': text(`${smallest}seed: 1\nseed: 2\n`),
  'a tab as indentation': text('seed: 1\ntrain:\n\tepochs: 3\n'),
  'a second colon in a line': text(`${smallest}name: a: b\n`),
  'a bracket that is not closed': text(`${smallest}seed: [1\n`),
  'an unknown YAML tag': text(`${smallest}seed: !random 3\n`),
  'an alias without anchor': text(`${smallest}seed: *s\n`),
  'an alias that contains itself': text('data: &d\n  root: *d\n'),
  'a second document': text(`${smallest}---\nseed: 3\n`),
  'an empty file': text('# nothing here\n'),
  'a file that is a list': text('- data\n- model\n'),
  'a file that is not text': text(Uint8Array.of(0xff, 0xfe, 0, 0x80)),
  'a file of a megabyte': text('#'.repeat((1 << 20) + 1)),
  'a parent that does not exist': text(`extends: ./missing.yaml\n${smallest}`),
  'a parent that is no name': text(`extends: {a: b}\n${smallest}`),
  'configs that extend each other': ({ file }) => {
    file('mine.yaml', 'extends: other.yaml\n');
    file('other.yaml', 'extends: mine.yaml\n');
    loadConfig('mine.yaml');
  },
  'several problems at once': text(`${smallest.replace('30', '0')}seed: -1\n`, ['threads=0', 'lambda1', 'eval.tua=2']),
  'a --set without a value': bundled('loss.lambda1'),
  'a --set of extends': bundled('extends=x'),
  'a --set that is not YAML': bundled('data.augment=['),
  'an imbalance factor that leaves a class empty': text(smallest, ['data.imbalance_factor=501']),
  'an imbalance factor of a set that is long-tailed already': bundled('data.imbalance_factor=10'),
  'a colour augmentation of gray images': bundled('data.augment=[autoaugment_cifar10]'),
  'an augmentation listed twice': bundled('data.augment=[cutout, cutout]'),
  'a warm-up as long as the training': bundled('optim.warmup_epochs=20', 'train.epochs=20'),
};
