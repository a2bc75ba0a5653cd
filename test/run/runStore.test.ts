import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configDifference, configHash, configOf } from '../../src/config/identity.js';
import { createRecord, readRecord } from '../../src/run/record.js';
import { listRuns } from '../../src/run/runList.js';
import { openRunStore } from '../../src/run/runStore.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleRecord } from './example.js';

test('a run that an older gala began, before some key was there, is found and is the same experiment', () => {
  const output = temporaryFolder();
  const directory = join(output, 'a', 'run');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'run.json');
  const record = createRecord(path, exampleRecord('a'));
  const old = JSON.parse(readFileSync(path, 'utf8'));
  delete old.config.eval.every_epoch_from;
  writeFileSync(path, JSON.stringify({ ...old, config_hash: '0'.repeat(64) }));

  assert.equal(openRunStore(output).ofHash('a', configHash(record.config))?.directory, directory);
  assert.deepEqual(configDifference(configOf(readRecord(path)), record.config), []);
  const other = configHash({ ...record.config, seed: 4 });
  assert.equal(openRunStore(output).ofHash('a', other), undefined);

  old.config.seed = 4;
  writeFileSync(path, JSON.stringify({ ...old, config_hash: '0'.repeat(64) }));
  assert.equal(openRunStore(output).ofHash('a', other)?.directory, directory, 'a record that changed is hashed anew');
});

test('runs list compares a run of one of several imbalance factors with the config of its name', () => {
  const output = temporaryFolder();
  const directory = join(output, 'cifar100_lt/gala_if100', 'run');
  mkdirSync(directory, { recursive: true });
  createRecord(join(directory, 'run.json'), exampleRecord('cifar100_lt/gala_if100'));
  const [run] = listRuns(openRunStore(output).all());
  assert.ok(run!.differences.includes('data.subset_seed=5'), run!.differences.join(' '));
  assert.ok(!run!.differences.some(difference => difference.startsWith('data.imbalance_factor=')));
});
