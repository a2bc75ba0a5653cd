/** What `gala reproduce` finds to do, from run folders in every state. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { configOf } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import { lockFolder } from '../../src/io/folderLock.js';
import type { ExpectedTable } from '../../src/results/expected.js';
import { differencesFromRow, missingSeeds, planRuns } from '../../src/results/plan.js';
import { readResult } from '../../src/results/record.js';
import { readRecord, updateRecord } from '../../src/run/record.js';
import type { RunRecord } from '../../src/run/recordSchema.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleTable, writeExampleResults, writeExampleRun } from './exampleRun.js';

const temporary = temporaryFolder();
let table: ExpectedTable;
let folders = 0;

before(async () => {
  table = await exampleTable(join(temporary, 'expected.yaml'), 50);
});

/** A folder of runs, one for each state given: status and finished epochs. */
async function runsIn(
  ...states: readonly [RunRecord['status'], number][]
): Promise<{ runs: string; directories: string[] }> {
  const runs = join(temporary, String(folders++));
  const directories: string[] = [];
  for (const [status, epoch] of states) {
    const directory = await writeExampleRun(runs);
    updateRecord(join(directory, 'run.json'), { status, epoch });
    directories.push(directory);
  }
  return { runs, directories };
}

const planned = (runs: string, seed = 0) => planRuns(table, [seed], runs, () => [])[0]!;

test('Without any run the step is to train', async () => {
  assert.equal(planned(join(temporary, 'none')).step, 'train');
});

test('A finished run is recorded before anything is resumed', async () => {
  const { runs, directories } = await runsIn(['interrupted', 5], ['finished', 20], ['failed', 7]);
  const { step, directory } = planned(runs);
  assert.deepEqual([step, directory], ['record', directories[1]]);
});

test('Of the unfinished runs the longest is resumed; a diverged one never', async () => {
  const { runs, directories } = await runsIn(['running', 9], ['interrupted', 5], ['diverged', 15]);
  const { step, directory, epoch } = planned(runs);
  assert.deepEqual([step, directory, epoch], ['resume', directories[0], 9]);
});

test('A diverged run is not trained again, unless another precision gives it a chance', async () => {
  const { runs, directories } = await runsIn(['diverged', 15]);
  const { step, directory, epoch } = planned(runs);
  assert.deepEqual([step, directory, epoch], ['diverged', directories[0], 15]);
  const other = loadConfig('fashion_mnist_lt/gala', { set: ['precision=bf16'] }).config;
  const path = join(directories[0]!, 'run.json');
  writeFileSync(path, JSON.stringify({ ...readRecord(path), config: other }));
  assert.equal(planned(runs).step, 'train');
});

test('A run in which a process works is left alone', async () => {
  const { runs, directories } = await runsIn(['running', 9]);
  const lock = lockFolder(directories[0]!);
  assert.equal(planned(runs).step, 'in progress');
  lock.release();
  assert.equal(planned(runs).step, 'resume');
});

test('A run of another seed does not count', async () => {
  const { runs } = await runsIn(['finished', 20]);
  assert.equal(planned(runs, 1).step, 'train');
});

test('A row and seed that is recorded needs no run folder', async () => {
  const { path } = await writeExampleResults(join(temporary, 'recorded'));
  const { record } = readResult(path);
  const [plan] = planRuns(table, [0], join(temporary, 'none'), () => [record]);
  assert.equal(plan!.step, 'recorded');
});

test(
  'A run is not the experiment of its row with another λ or length, and is with another seed, subset or ' + 'precision',
  () => {
    const differences = (...set: string[]) =>
      differencesFromRow(
        loadConfig('cifar100_lt/gala_if100').config,
        loadConfig('cifar100_lt/gala_if100', { set }).config,
      );
    assert.deepEqual(differences('loss.lambda1=1'), ['loss.lambda1: 1.2 → 1']);
    assert.deepEqual(differences('train.epochs=30'), ['train.epochs: 200 → 30']);
    assert.deepEqual(differences('eval.select_on=val'), ['eval.select_on: "test" → "val"']);
    assert.deepEqual(differences('seed=3', 'data.subset_seed=3', 'precision=fp32', 'threads=2', 'data.root=x'), []);
  },
);

test('A seed that was asked for is missing where its row has records of others only', async () => {
  const { path } = await writeExampleResults(join(temporary, 'others'));
  const { record } = readResult(path);
  const missing = (...seeds: number[]) => missingSeeds(table, () => [record], seeds);
  assert.deepEqual(missing(0), []);
  assert.deepEqual(missing(0, 3), ['no recorded run of row gala with seed 3']);
  assert.deepEqual(
    missingSeeds(table, () => [], [3]),
    [],
    'a row without any record is told of elsewhere',
  );
});

test('A record written before a key was added counts with that key at its default', () => {
  const { config } = loadConfig('cifar100_lt/gala_if100');
  const { val_fraction: _, ...evaluation } = config.eval;
  const older = configOf({ config: { ...config, eval: evaluation }, name: config.name });
  assert.deepEqual(differencesFromRow(config, older), []);
});
