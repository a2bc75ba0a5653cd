import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchPipeline } from '../../src/bench/data.js';
import { bundledFashionMnistLt, openIdxSet } from '../../src/data/fashionMnist.js';

test('the data benchmark counts images and their cost', async () => {
  const { train } = openIdxSet(bundledFashionMnistLt());
  for (const workers of [0, 1]) {
    const result = await benchPipeline({ dataset: train, augment: ['cutout'], batchSize: 64, workers, seconds: 0.1 });
    assert.equal(result.workers, workers);
    assert.ok(result.images_per_second > 0 && Number.isFinite(result.images_per_second));
    assert.ok(result.microseconds_per_image > 0 && Number.isFinite(result.microseconds_per_image));
  }
});
