import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configListing } from '../../src/cli/commands/config.js';
import { listConfigs } from '../../src/config/locate.js';
import { packageRoot, startGala } from '../e2e/gala.js';

test('configs are listed by dataset, with a heading, in the order of their numbers', () => {
  const text = configListing([
    { name: 'flowers/gala_if100', summary: 'Flowers, imbalance factor 100, GALA: 52.1 % top-1' },
    { name: 'flowers/gala_if50', summary: 'Flowers, imbalance factor 50, GALA' },
    { name: 'birds/gala', summary: 'Birds (own), imbalance factor 10, GALA' },
    { name: 'birds/focal', summary: 'Birds (own), imbalance factor 10, focal loss' },
  ]);
  assert.equal(
    text,
    [
      'Flowers',
      '  flowers/gala_if50   imbalance factor 50, GALA',
      '  flowers/gala_if100  imbalance factor 100, GALA: 52.1 % top-1',
      '',
      'Birds (own), imbalance factor 10',
      '  birds/focal  focal loss',
      '  birds/gala   GALA',
      '',
    ].join('\n'),
  );
});

test('the listing ends in a terminal that reports no columns, and in a narrow one', () => {
  for (const width of [-20, 0, 1, 30]) assert.match(configListing(listConfigs(), width), /cifar100_lt\/gala_if100/);
});

test('a word of another tool is also looked for in names and meanings', async () => {
  for (const [word, keys] of [
    ['checkpoint', ['train.checkpoint_every', 'model.weights']],
    ['warmup', ['optim.warmup_epochs', 'optim.warmup_learning_rate']],
  ] as const) {
    const { stdout } = await startGala(['config', 'keys', word], { cwd: packageRoot }).finished;
    for (const key of keys) assert.match(stdout, new RegExp(`^${key}\\b`, 'm'));
  }
});

test('the listing has every config of the package once, and expected values only where there are any', () => {
  const configs = listConfigs();
  const lines = configListing(configs).split('\n');
  for (const { name } of configs) assert.equal(lines.filter(line => line.startsWith(`  ${name} `)).length, 1, name);
  assert.deepEqual(
    lines.filter(line => line.includes('not published')),
    [],
  );
});
