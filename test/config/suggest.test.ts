import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest, quotedAlternatives } from '../../src/config/suggest.js';

test('the edit distance counts insertions, deletions, substitutions and swaps of neighbours', () => {
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('lamdba', 'lambda'), 1);
  assert.equal(editDistance('same', 'same'), 0);
});

test('the nearest names are found whatever their case and hyphens, ties together, and far ones never', () => {
  assert.deepEqual(nearest('batchSize', ['batch_size', 'epochs']), ['batch_size']);
  assert.deepEqual(nearest('lambda', ['lambda1', 'lambda2', 'name']), ['lambda1', 'lambda2']);
  assert.deepEqual(nearest('cifar', ['cifar100', 'cifar10', 'fashion_mnist_lt']), ['cifar100', 'cifar10']);
  assert.deepEqual(nearest('lr', ['learning_rate', 'name', 'tau']), []);
  assert.deepEqual(nearest('x', []), []);
});

test('alternatives read as a sentence', () => {
  assert.equal(quotedAlternatives(['a']), '"a"');
  assert.equal(quotedAlternatives(['a', 'b', 'c']), '"a", "b" or "c"');
});
