/** What a seed of a table or of a sweep sets in a config. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConfig } from '../../src/config/load.js';
import { isOfSeed, resolveForSeed } from '../../src/config/seeds.js';

test('A seed also draws the long-tailed subset, where gala draws one', () => {
  assert.equal(resolveForSeed(openConfig('cifar100_lt/gala_if100'), 2).config.data.subset_seed, 2);
  assert.equal(resolveForSeed(openConfig('fashion_mnist_lt/gala'), 2).config.data.subset_seed, 0);
});

test('A record of the seed with another subset is not that of the seed, where gala draws the subset', () => {
  const { config } = resolveForSeed(openConfig('cifar100_lt/gala_if100'), 1);
  const { name } = config;
  const subsetOf = (subset: number) => ({ config, name, seeds: { run: 1, subset } });
  assert.deepEqual(
    [isOfSeed(subsetOf(1), 1), isOfSeed(subsetOf(0), 1), isOfSeed(subsetOf(1), 0)],
    [true, false, false],
  );
  const whole = resolveForSeed(openConfig('fashion_mnist_lt/gala'), 1).config;
  assert.ok(isOfSeed({ config: whole, name: whole.name, seeds: { run: 1, subset: 0 } }, 1));
});
