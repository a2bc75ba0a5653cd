import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import {
  appendEpoch,
  type EpochMetrics,
  readMetrics,
  truncateToEpoch,
  writeMetricsCsv,
} from '../../src/run/metricsLog.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();
const path = join(folder, 'metrics.jsonl');
const epochs: EpochMetrics[] = [
  { epoch: 1, train_loss: 4.5, seconds: 12 },
  { epoch: 2, train_loss: 4.25, seconds: 11.5, top1: 0.25 },
  { epoch: 3, train_loss: 4, seconds: 11 },
];

beforeEach(() => {
  writeFileSync(path, '');
  for (const metrics of epochs) appendEpoch(path, metrics);
});

describe('metrics.jsonl', () => {
  test('every epoch is one line of JSON and comes back', () => {
    assert.deepEqual(
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
      epochs,
    );
    assert.deepEqual(readMetrics(path), { lines: epochs });
    assert.deepEqual(readMetrics(join(folder, 'none.jsonl')), { lines: [] });
  });

  test('a last line cut at any byte is dropped with a notice, and the next epoch goes on a line of its own', () => {
    const text = readFileSync(path, 'utf8');
    const start = text.lastIndexOf('\n', text.length - 2) + 1;
    for (let length = start + 1; length < text.length - 1; length++) {
      writeFileSync(path, text.slice(0, length));
      const { lines, notice } = readMetrics(path);
      assert.deepEqual(lines, epochs.slice(0, 2));
      assert.match(notice!, /line 3 was cut off/);
      appendEpoch(path, epochs[2]!);
      assert.equal(readFileSync(path, 'utf8'), text);
    }
  });

  test('a last line that lacks only its newline is kept', () => {
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.trimEnd());
    assert.deepEqual(readMetrics(path), { lines: epochs });
    appendEpoch(path, { epoch: 4 });
    assert.equal(readFileSync(path, 'utf8'), `${text}{"epoch":4}\n`);
  });

  test('zero bytes after a power cut count as a cut line', () => {
    writeFileSync(path, `${readFileSync(path, 'utf8')}${'\0'.repeat(40)}`);
    assert.deepEqual(readMetrics(path).lines, epochs);
  });

  test('damage before the last line is a StorageError with the line', () => {
    for (const bad of ['{"epoch":', 'null', '{"loss":1}', '{"epoch":1.5}', '']) {
      writeFileSync(path, `{"epoch":1}\n${bad}\n{"epoch":3}\n`);
      assert.throws(
        () => readMetrics(path),
        (error: unknown) => error instanceof StorageError && error.where === `${path}:2`,
        bad,
      );
    }
  });

  test('an epoch that appears twice is a StorageError', () => {
    writeFileSync(path, '{"epoch":1}\n{"epoch":2}\n{"epoch":2}\n');
    assert.throws(
      () => readMetrics(path),
      (error: unknown) => error instanceof StorageError && error.where === `${path}:3`,
    );
  });

  test('truncating for a resume drops later epochs and a cut line, so none appears twice', () => {
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"epoch":4,"tr`);
    const { lines, notice } = truncateToEpoch(path, 2);
    assert.deepEqual(lines, epochs.slice(0, 2));
    assert.match(notice!, /line 4/);
    appendEpoch(path, epochs[2]!);
    assert.deepEqual(readMetrics(path), { lines: epochs });
    assert.deepEqual(truncateToEpoch(path, 0), { lines: [] });
    assert.equal(readFileSync(path, 'utf8'), '');
  });

  test('the CSV has a column per metric and empty cells where an epoch lacks it', () => {
    const csv = join(folder, 'metrics.csv');
    appendEpoch(path, { epoch: 4, train_loss: Number.NaN, note: 'a,b' });
    writeMetricsCsv(path, csv);
    assert.equal(
      readFileSync(csv, 'utf8'),
      'epoch,train_loss,seconds,top1,note\n1,4.5,12,,\n2,4.25,11.5,0.25,\n3,4,11,,\n4,,,,"a,b"\n',
    );
  });

  test('a folder that cannot be written is a StorageError', () => {
    assert.throws(() => appendEpoch(join(folder, 'none', 'metrics.jsonl'), { epoch: 1 }), StorageError);
  });
});
