import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, StorageError } from '../../src/errors.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { longTail, writeExampleRun } from './exampleRuns.js';

const output = temporaryFolder();

describe('runs of a report', () => {
  test('the logits of best are taken, those of last where there is no best', () => {
    const both = writeExampleRun(output, { checkpoints: ['last', 'best'] });
    const last = writeExampleRun(output, { checkpoints: ['last'] });
    const checkpoints = readReportRuns([both.directory, last.directory]).map(run => run.evaluation.checkpoint);
    assert.deepEqual(checkpoints, ['best', 'last']);
  });

  test('labels drop the folder that all names share, and tell runs of one config apart', () => {
    const folders = ['set/gala', 'set/ce', 'set/ce'].map(name => writeExampleRun(output, { name }).directory);
    const labels = readReportRuns(folders).map(run => run.label);
    assert.equal(labels[0], 'gala');
    assert.match(labels[1]!, /^ce, seed 3, /);
    assert.equal(new Set(labels).size, 3);
    const other = writeExampleRun(output, { name: 'other/gala' }).directory;
    assert.deepEqual(
      readReportRuns([folders[0]!, other]).map(run => run.label),
      ['set/gala', 'other/gala'],
    );
  });

  test('a folder that is no run is a StorageError', () => {
    const folder = join(output, 'empty');
    mkdirSync(folder);
    assert.throws(() => readReportRuns([folder]), { name: 'StorageError', where: folder });
  });

  test('a run without test logits is a StorageError that says how far it is and which command makes them', () => {
    const folder = writeExampleRun(output, { checkpoints: [], finished: false });
    assert.throws(
      () => readReportRuns([folder.directory]),
      (error: StorageError) => {
        assert.ok(error instanceof StorageError);
        assert.match(error.message, /no test logits yet: it is running, after epoch 0 of 200/);
        assert.match(error.next!, /gala eval --run /);
        return true;
      },
    );
  });

  test('a folder given twice is one run, not two seeds', () => {
    const { directory } = writeExampleRun(output, { name: 'set/gala' });
    const runs = readReportRuns([directory, `${directory}/`, join(directory, '..', basename(directory))]);
    assert.deepEqual(
      runs.map(run => run.label),
      ['gala'],
    );
  });

  test('runs of other classes are a ConfigError', () => {
    const nine = writeExampleRun(output).directory;
    const eight = writeExampleRun(output, { classCounts: longTail.slice(1) }).directory;
    assert.throws(
      () => readReportRuns([nine, eight]),
      (error: ConfigError) => error instanceof ConfigError && /has 8 classes/.test(error.where!),
    );
  });
});
