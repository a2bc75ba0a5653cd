import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { readGradients } from '../../src/report/gradients.js';
import { appendEvents, startSession } from '../../src/run/eventFile.js';
import { appendEpoch, readMetrics, truncateToEpoch, writeMetricsCsv } from '../../src/run/metricsLog.js';
import { latestUnfinished } from '../../src/run/namedRun.js';
import { createRecord, readRecord, updateRecord } from '../../src/run/record.js';
import { openRunStore } from '../../src/run/runStore.js';
import { exampleRecord } from '../run/example.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { changedFile } from './changes.js';
import { fuzz } from './fuzz.js';

const temporary = temporaryFolder();
const folder = join(temporary, 'set', 'config', '20260102-030405-0');
const at = (name: string) => join(folder, name);
const bytes = (file: Uint8Array) => file.length;
beforeEach(() => mkdirSync(folder, { recursive: true }));

const epochs = [1, 2, 3].map(epoch => ({ epoch, loss: 4.5 / epoch, test_top1: 10 * epoch, note: null }));
const metrics = Buffer.from(epochs.map(line => `${JSON.stringify(line)}\n`).join(''));
const gradients = Buffer.from(
  epochs.map(({ epoch }) => `${JSON.stringify({ epoch, positive: [1, 2], negative: [3, 4] })}\n`).join(''),
);

test('metrics.jsonl with changed bytes is read or refused; what was read can be gone on with', t =>
  fuzz(t, changedFile(metrics), {
    read: file => {
      writeFileSync(at('metrics.jsonl'), file);
      readMetrics(at('metrics.jsonl'));
      truncateToEpoch(at('metrics.jsonl'), 2);
      appendEpoch(at('metrics.jsonl'), { epoch: 1e9, loss: 1 });
      writeMetricsCsv(at('metrics.jsonl'), at('metrics.csv'));
      assert.equal(readMetrics(at('metrics.jsonl')).lines.at(-1)!.epoch, 1e9);
    },
    bytes,
  }));

test('gradients.jsonl with changed bytes is read or refused', t =>
  fuzz(t, changedFile(gradients), {
    read: file => {
      writeFileSync(at('gradients.jsonl'), file);
      readGradients(at('gradients.jsonl'), 2);
    },
    bytes,
  }));

test('An event file with changed bytes takes the next session', async t => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  const path = startSession(folder, epochs, '2026-01-02T03:04:05Z');
  for (const epoch of [4, 5]) appendEvents(path, { epoch, loss: 1 });
  const whole = readFileSync(path);
  await fuzz(t, changedFile(whole), {
    read: file => {
      writeFileSync(path, file);
      assert.equal(startSession(folder, [], '2026-01-02T03:04:05Z'), path);
      appendEvents(path, { epoch: 6, loss: 1 });
    },
    refuses: false,
    bytes,
  });
});

test('A run.json with changed bytes is read or refused, also when the latest run is looked for', async t => {
  createRecord(at('run.json'), exampleRecord('set/config'));
  const whole = readFileSync(at('run.json'));
  await fuzz(t, changedFile(whole), {
    read: file => {
      writeFileSync(at('run.json'), file);
      latestUnfinished(openRunStore(temporary).ofName('set/config'));
      readRecord(at('run.json'));
      updateRecord(at('run.json'), { epoch: 2 });
    },
    bytes,
  });
});

const anyJson = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constant('null'),
  fc.constant('[]'),
  fc.json().map(json => `{"format":1,"config":${json}}`),
);

test('A run.json with any content is read or refused', t =>
  fuzz(t, anyJson, {
    read: text => {
      writeFileSync(at('run.json'), text);
      readRecord(at('run.json'));
    },
    bytes: text => text.length,
  }));
