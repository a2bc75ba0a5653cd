import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shuffledOrder } from '../../src/data/sampler.js';

test('an epoch visits every image once, in an order of its own', () => {
  const order = shuffledOrder(1000, 0, 1);
  const inOrder = Int32Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual(order.slice().sort(), inOrder);
  assert.notDeepEqual(order, inOrder);
  assert.deepEqual(shuffledOrder(1000, 0, 1), order);
  assert.notDeepEqual(shuffledOrder(1000, 0, 2), order);
  assert.notDeepEqual(shuffledOrder(1000, 1, 1), order);
});

test('the place of an image is uniform over epochs', () => {
  const counts = new Int32Array(4);
  for (let epoch = 0; epoch < 4000; epoch++) counts[shuffledOrder(4, 5, epoch).indexOf(2)]!++;
  // 1000 expected, standard deviation 27.
  assert.ok(
    counts.every(count => Math.abs(count - 1000) < 140),
    String(counts),
  );
});
