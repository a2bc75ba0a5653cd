import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLoss } from '../../src/losses/index.js';

test('A config names its loss, and GALA takes its options from it', () => {
  assert.equal(createLoss({ name: 'cross_entropy' }).name, 'cross_entropy');
  assert.deepEqual(createLoss({ name: 'cross_entropy' }).init(Int32Array.of(1, 2)), {});
  const options = { lambda1: 1, lambda2: 1, variant: 'paper' } as const;
  const plain = createLoss({ name: 'gala', ...options, accumulation: 'plain' });
  assert.equal(plain.name, 'gala');
  assert.equal(Object.keys(plain.init(Int32Array.of(1, 2))).length, 3);
  const released = createLoss({ name: 'gala', ...options, accumulation: 'released' });
  assert.equal(Object.keys(released.init(Int32Array.of(1, 2))).length, 6);
});
