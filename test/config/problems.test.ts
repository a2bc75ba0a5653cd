import assert from 'node:assert/strict';
import { test } from 'node:test';
import { augmentation } from '../../src/data/augment/augmentation.js';
import { losses } from '../../src/losses/index.js';
import { backboneNames } from '../../src/models/backbones.js';
import { complaint, configFiles, smallest } from './files.js';

/** One config text → the one complaint about it. */
const golden: readonly { says: string; text: string; where: string; message: string }[] = [
  {
    says: 'an unknown key',
    text: smallest.replace('epochs: 30', 'epochs: 30, batchsize: 8'),
    where: 'a.yaml:5:21',
    message: 'unknown key "train.batchsize"; did you mean "train.batch_size"?',
  },
  {
    says: 'a key in the wrong place',
    text: `${smallest}epochs: 3\n`,
    where: 'a.yaml:6:1',
    message: 'unknown key "epochs"; did you mean "train.epochs"?',
  },
  {
    says: 'a key of another loss',
    text: smallest.replace('cross_entropy', 'cross_entropy, lambda1: 1'),
    where: 'a.yaml:3:29',
    message: 'unknown key "loss.lambda1"; it belongs to loss.name: gala, and here the name is cross_entropy',
  },
  {
    says: 'a key like nothing known',
    text: smallest.replace('{backbone', '{qwertyuiop: 1, backbone'),
    where: 'a.yaml:2:9',
    message:
      'unknown key "model.qwertyuiop"; the keys of model are backbone, head, scale, tau, batch_norm_parts, ' +
      'weights, weights_part',
  },
  {
    says: 'a key named __proto__',
    text: `${smallest}__proto__: {seed: 3}\n`,
    where: 'a.yaml:6:1',
    message:
      'unknown key "__proto__"; the keys of the top level are name, seed, data, model, loss, optim, train, ' +
      'distill, freeze, eval, engine, device, devices, precision, threads, stages',
  },
  {
    says: 'a merge key',
    text: `${smallest}<<: {seed: 3}\n`,
    where: 'a.yaml:6:1',
    message: 'unknown key "<<"; YAML 1.2 has no merge keys, use extends',
  },
  {
    says: 'an unknown value',
    text: smallest.replace('resnet32', 'resnet_32'),
    where: 'a.yaml:2:19',
    message: `model.backbone must be one of ${backboneNames.join(', ')}, but is "resnet_32"; did you mean "resnet32"?`,
  },
  {
    says: 'an unknown loss',
    text: smallest.replace('cross_entropy', 'crossentropie'),
    where: 'a.yaml:3:14',
    message:
      `loss.name must be one of ${Object.keys(losses).join(', ')}, but is "crossentropie"; did you mean ` +
      '"cross_entropy"?',
  },
  {
    says: 'a value out of range',
    text: `${smallest}eval:\n  tau: 11\n`,
    where: 'a.yaml:7:8',
    message: 'eval.tau must be a number from 0 to 10, but is 11',
  },
  {
    says: 'a fraction where a whole number is wanted',
    text: smallest.replace('30', '2.5'),
    where: 'a.yaml:5:17',
    message: 'train.epochs must be a whole number from 0 to 100000, but is 2.5',
  },
  {
    says: 'a number too large for a float, as it was written',
    text: `${smallest}seed: 1e999\n`,
    where: 'a.yaml:6:7',
    message: 'seed must be a whole number, at least 0, but is 1e999',
  },
  {
    says: 'a number in quotes',
    text: smallest.replace('30', '"30"'),
    where: 'a.yaml:5:17',
    message: 'train.epochs must be a whole number from 0 to 100000, but is "30"; write it without quotes',
  },
  {
    says: 'a name of digits',
    text: `${smallest}name: 007\n`,
    where: 'a.yaml:6:7',
    message: 'name must be a text, but is 007; write name: "007"',
  },
  {
    says: 'a file in UTF-16',
    text: [...smallest].join('\0'),
    where: 'a.yaml:1:1',
    message: 'the file has null bytes: it is UTF-16 or no text; save it as UTF-8',
  },
  {
    says: 'a value of neither alternative',
    text: `${smallest}threads: many\n`,
    where: 'a.yaml:6:10',
    message: 'threads must be "auto" or a whole number from 1 to 1024, but is "many"',
  },
  {
    says: 'a wrong item of a list',
    text: smallest.replace('cifar100', 'cifar100, augment: [cutout, random_flip]'),
    where: 'a.yaml:1:45',
    message: `data.augment[1] must be one of ${augmentation.options.join(', ')}, but is "random_flip"`,
  },
  {
    says: 'a missing key, at the section it belongs to',
    text: smallest.replace('learning_rate: 0.1', ''),
    where: 'a.yaml:4:1',
    message: 'optim.learning_rate is missing; it must be a number from 0 to 1000000',
  },
  {
    says: 'a section without a value',
    text: smallest.replace('{backbone: resnet32}', ''),
    where: 'a.yaml:2:1',
    message: 'model must be a map of keys, but has no value; `gala config keys model` lists its keys',
  },
  {
    says: 'a section that is a list',
    text: smallest.replace('{name: cross_entropy}', '[gala]'),
    where: 'a.yaml:3:7',
    message: 'loss must be a map of keys, but is a list; `gala config keys loss` lists its keys',
  },
  {
    says: 'a name that leaves the folder of runs',
    text: `name: ../../etc\n${smallest}`,
    where: 'a.yaml:1:7',
    message: 'name must be letters, digits, "_", "-" and "." in parts separated by "/", but is "../../etc"',
  },
  {
    says: 'a key given twice',
    text: `${smallest}seed: 1\nseed: 2\n`,
    where: 'a.yaml:7:1',
    message: 'the key "seed" is given twice',
  },
  {
    says: 'a tab as indentation',
    text: 'seed: 1\ntrain:\n\tepochs: 3\n',
    where: 'a.yaml:3:1',
    message: 'a tab indents this line; YAML indents with spaces',
  },
  {
    says: 'a second colon',
    text: `${smallest}name: a: b\n`,
    where: 'a.yaml:6:7',
    message: 'a second ": " on one line; put a text that contains ": " in quotes',
  },
  {
    says: 'a bracket that is not closed, at the bracket',
    text: `extends: [cifar100_lt/gala_if100 # [ in a comment\n${smallest}`,
    where: 'a.yaml:1:10',
    message: 'the bracket [ is not closed',
  },
  {
    says: 'an unknown tag',
    text: `${smallest}seed: !random 3\n`,
    where: 'a.yaml:6:7',
    message: 'the tag !random is not known; configs use plain YAML 1.2 values',
  },
  {
    says: 'an alias without anchor',
    text: `${smallest}seed: *s\n`,
    where: 'a.yaml:6:7',
    message: 'the alias *s has no anchor &s above it',
  },
  {
    says: 'a second document',
    text: `${smallest}---\nseed: 3\n`,
    where: 'a.yaml:6:1',
    message: 'a second document starts here (---); a config is one document',
  },
  {
    says: 'an empty file',
    text: '# nothing here\n',
    where: 'a.yaml:1:1',
    message: 'the file is empty; a config is a map of keys such as data, model, loss',
  },
  {
    says: 'a file that is a list',
    text: '# list\n- data\n- model\n',
    where: 'a.yaml:2:1',
    message: 'the file is a list; a config is a map of keys such as data, model, loss',
  },
  {
    says: 'a parent that does not exist',
    text: `extends: ./missing.yaml\n${smallest}`,
    where: 'a.yaml:1:10',
    message: 'extends names "./missing.yaml", which is neither a file beside this one nor a config of the package',
  },
  {
    says: 'a parent that is no name',
    text: `extends: {a: b}\n${smallest}`,
    where: 'a.yaml:1:10',
    message: 'extends must be a path or name of a config, or a list of them',
  },
];

for (const { says, text, where, message } of golden) {
  test(`the place and the words are exact for ${says}`, t => {
    assert.deepEqual(complaint(configFiles(t, { 'a.yaml': text })('a.yaml')), { where, message });
  });
}

test('all problems are listed at once, in the order of their lines, each at the file the value came from', t => {
  const path = configFiles(t, {
    'base.yaml': smallest.replace('30', '0'),
    'a.yaml': 'extends: base\nseed: -1\nloss: {name: gala, lambda1: x, lamda2: 1}\n',
  })('a.yaml');
  const { message, where } = complaint(path, { set: ['threads=0', 'lambda1', 'eval.tua=2'] });
  assert.equal(where, 'a.yaml, base.yaml, the command line');
  assert.deepEqual(message.split('\n'), [
    'The config has 7 problems:',
    '  a.yaml:2:7: seed must be a whole number, at least 0, but is -1',
    '  a.yaml:3:29: loss.lambda1 must be a number from 0 to 10, but is "x"',
    '  a.yaml:3:32: unknown key "loss.lamda2"; did you mean "loss.lambda2"?',
    '  base.yaml:5:17: train.epochs is 0, but model.head is to be trained; give at least 1',
    '  --set lambda1: --set needs key.path=value, such as loss.lambda1=1.2',
    '  eval.tua=2: unknown key "eval.tua"; did you mean "eval.tau"?',
    '  threads=0: threads must be "auto" or a whole number from 1 to 1024, but is 0',
  ]);
});

test('a repeated key does not hide the other problems', t => {
  const path = configFiles(t, { 'a.yaml': `${smallest}seed: 1\nseed: x\n` })('a.yaml');
  assert.deepEqual(complaint(path).message.split('\n').slice(1), [
    '  a.yaml:7:1: the key "seed" is given twice',
    '  a.yaml:7:7: seed must be a whole number, at least 0, but is "x"',
  ]);
});

test('a circle of extends is shown as a chain', t => {
  const path = configFiles(t, {
    'a.yaml': 'extends: b\n',
    'b.yaml': 'seed: 1\nextends: [c.yaml]\n',
    'c.yaml': 'extends: ./a\n',
  })('a.yaml');
  assert.deepEqual(complaint(path), {
    where: 'c.yaml:1:10',
    message: 'extends goes in a circle: a.yaml → b.yaml → c.yaml → a.yaml',
  });
});

test('two ways to the same parent are no circle', t => {
  const path = configFiles(t, {
    'base.yaml': smallest.replace('30', '-3'),
    'b.yaml': 'extends: base\n',
    'c.yaml': 'extends: base\n',
    'a.yaml': 'extends: [b, c]\n',
  })('a.yaml');
  assert.equal(complaint(path).where, 'base.yaml:5:17');
});

test('a syntax error of an override names it, and extends is refused there', () => {
  const { message } = complaint('cifar100_lt/gala_if100', { set: ['data.augment=[', 'extends=x'] });
  assert.match(message, / {2}data\.augment=\[: the bracket \[ is not closed$/m);
  assert.match(message, / {2}extends=x: extends is read from files only/);
});

test('alias bombs, endless aliases, deep nests, binary and huge files are refused', t => {
  const letters = [...'abcdefgh'];
  const bomb = letters
    .map(
      (letter, i) =>
        `${letter}: &${letter} [${Array(9)
          .fill(i === 0 ? 'x' : `*${letters[i - 1]}`)
          .join(', ')}]`,
    )
    .join('\n');
  const path = configFiles(t, {
    'bomb.yaml': bomb,
    'endless.yaml': 'data: &d\n  root: *d\n',
    'deep.yaml': '['.repeat(100_000),
    'binary.yaml': new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
    'huge.yaml': '#'.repeat((1 << 20) + 1),
  });
  assert.match(complaint(path('bomb.yaml')).message, /more than 10000 values once its aliases are expanded/);
  assert.deepEqual(complaint(path('endless.yaml')), {
    where: 'endless.yaml:2:9',
    message: 'the alias *d contains itself',
  });
  assert.match(complaint(path('deep.yaml')).message, /nested too deeply/);
  assert.deepEqual(complaint(path('binary.yaml')), { where: 'binary.yaml', message: 'the file is not UTF-8 text' });
  assert.match(
    complaint(path('huge.yaml')).message,
    /it has 1048577 bytes, and gala reads at most 1048576 of such a file/,
  );
});
