/** A config and its overrides as words of the command line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endingOf, withWords } from '../../src/cli/options.js';
import { ConfigError } from '../../src/errors.js';

test('words are the config and overrides, which come behind those of --set and so win', () => {
  assert.deepEqual(withWords(['fashion_mnist_lt/gala', 'train.epochs=3'], {}), {
    config: 'fashion_mnist_lt/gala',
    set: ['train.epochs=3'],
  });
  assert.deepEqual(withWords(['seed=1', 'x.yaml'], { set: ['seed=0'] }), {
    config: 'x.yaml',
    set: ['seed=0', 'seed=1'],
  });
  assert.deepEqual(withWords(['seed=1'], { config: 'x.yaml' }), { config: 'x.yaml', set: ['seed=1'] });
  assert.deepEqual(withWords([], { config: 'x.yaml' }), { config: 'x.yaml' });
});

test('two configs are refused, wherever they are written', () => {
  for (const [words, flags] of [
    [['a', 'b'], {}],
    [['a'], { config: 'b' }],
  ] as const) {
    assert.throws(
      () => withWords(words, flags),
      (error: unknown) => error instanceof ConfigError && /2 are given/.test(error.message),
    );
  }
});

test('the ending of --output is one that the command writes; a folder and another ending are refused with a name', () => {
  const names = ['a.csv', 'a.json'];
  assert.equal(endingOf('some/Table.CSV', names), '.csv');
  for (const [output, next] of [
    ['b/x.txt', 'Name it b/x.csv or b/x.json.'],
    ['x', 'Name it x.csv or x.json.'],
    ['/tmp', 'Name it /tmp/a.csv or /tmp/a.json.'],
  ] as const) {
    assert.throws(
      () => endingOf(output, names),
      (error: unknown) => error instanceof ConfigError && error.next === next,
    );
  }
});
