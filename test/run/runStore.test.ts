import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configDifference, configHash, configOf } from '../../src/config/identity.js';
import { lockFolder } from '../../src/io/folderLock.js';
import { createRecord, readRecord } from '../../src/run/record.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import { listColumns, listRuns } from '../../src/run/runList.js';
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

test('runs list has the latest run first, each with its state and age', () => {
  const output = temporaryFolder();
  const now = Date.parse('2026-01-05T00:00:00Z');
  const add = (name: string, started_at: string, status: RunRecord['status']) => {
    const directory = join(output, 'mine', name);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, 'run.json');
    const record = {
      ...createRecord(path, exampleRecord('mine')),
      started_at,
      finished_at: started_at,
      status,
      epoch: 7,
    };
    writeFileSync(path, JSON.stringify(record));
    return directory;
  };
  const finished = add('b', '2026-01-02T00:00:00Z', 'finished');
  const killed = add('a', '2026-01-04T23:00:00Z', 'running');
  const running = add('c', '2026-01-04T23:59:30Z', 'running');
  const lock = lockFolder(running);
  const list = listRuns(openRunStore(output).all());
  const columns = listColumns(now);
  const cell = (key: string) => list.map(run => columns.find(column => column.key === key)!.value(run));
  assert.deepEqual(
    list.map(({ folder }) => folder),
    [running, killed, finished],
  );
  assert.deepEqual(cell('epoch'), ['7/200 running', '7/200 stopped', '7/200']);
  assert.deepEqual(cell('age'), ['now', '1 h', '3 d']);
  lock.release();
});
