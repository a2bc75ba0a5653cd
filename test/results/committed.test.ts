/** What stands in the repository: expected values, records, and the tables made of them. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { compare, isShort } from '../../src/results/compare.js';
import { expectedTables, readExpected } from '../../src/results/expected.js';
import { listResults } from '../../src/results/record.js';
import { generatedFiles } from '../../src/results/tables.js';
import { verifyTable } from '../../src/results/verify.js';
import { sharedPath } from '../shared.js';

const results = join(resolve(import.meta.dirname, '../../..'), 'results');

for (const name of expectedTables()) {
  describe(name, () => {
    const table = readExpected(name);

    test('has a config for every row, named after the table, and a claim only of its rows', () => {
      for (const { config } of table.rows) assert.equal(loadConfig(config).config.name.split('/')[0], name);
      assert.ok(table.claims.length > 0);
    });

    test('has generated files that are what the records give (else: gala results tables)', () => {
      const stale = generatedFiles(results, name).filter(({ isCurrent }) => !isCurrent);
      assert.deepEqual(
        stale.map(({ path }) => path),
        [],
      );
    });

    test('has records without a fault', async context => {
      const dataRoot = name === 'cifar100_lt' ? sharedPath('data', 'cifar-100-binary') : undefined;
      const { faults, recounted, unlabelled } = await verifyTable({ table, results, dataRoot });
      context.diagnostic(`${recounted} records counted again, ${unlabelled} checked without labels`);
      assert.deepEqual(faults, []);
    });
  });
}

test('The recorded runs of the bundled set are what is claimed of them', async () => {
  const table = readExpected('fashion_mnist_lt');
  const { recordsOf } = await verifyTable({ table, results });
  const comparisons = compare(table, recordsOf);
  assert.equal(comparisons.length, 4);
  assert.ok(!comparisons.some(isShort), JSON.stringify(comparisons.filter(isShort)));
});

test('The README has a place for the table of every set that has recorded runs', () => {
  for (const name of expectedTables().filter(name => listResults(results, name).length > 0)) {
    assert.ok(
      generatedFiles(results, name).some(({ path }) => path.endsWith('README.md')),
      name,
    );
  }
});

test('The values claimed of CIFAR100-LT are the published ones, with the spread measured at factor 200', () => {
  const { claims } = readExpected('cifar100_lt');
  const published = { if200: [48.0, 48.5], if100: [52.1, 52.3], if50: [56.0, 56.5], if10: [63.8, 64.2] };
  for (const [row, values] of Object.entries(published)) {
    const ours = claims.filter(claim => claim.row === row);
    assert.deepEqual(
      ours.map(({ metric }) => metric),
      ['top1', 'top1_rebalanced'],
    );
    assert.deepEqual(
      ours.map(({ value }) => value),
      values,
    );
    for (const { std } of ours) assert.equal(std, row === 'if200' ? 1.4 : 0.6);
  }
});

test('What every object has is no table', () => {
  for (const name of ['constructor', '__proto__', 'toString'])
    assert.throws(() => readExpected(name), { name: 'ConfigError', message: `There is no table "${name}".` });
});
