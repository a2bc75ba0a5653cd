import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEvaluated } from '../../src/train/trainer.js';

test('The CIFAR-LT configs evaluate every fifth epoch, every epoch of the last quarter, and the last: 80 of 200', () => {
  const epochs = Array.from({ length: 200 }, (_, i) => i + 1);
  const evaluated = epochs.filter(epoch => isEvaluated(epoch, 200, { every: 5, every_epoch_from: 0.75 }));
  assert.equal(evaluated.length, 80);
  assert.deepEqual(evaluated.slice(0, 2), [5, 10]);
  assert.deepEqual(evaluated.slice(28, 32), [145, 150, 151, 152]);
  assert.ok(isEvaluated(7, 7, { every: 5, every_epoch_from: 1 }), 'the last epoch');
});
