/**
 * Files of older formats read as they were written: records of the repository and of its history, and a run folder's
 * run.json.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { reportedScores } from '../../src/eval/resultRow.js';
import { percentOf } from '../../src/eval/scores.js';
import { filesBelow, readResult } from '../../src/results/record.js';
import { readRecord, updateRecord } from '../../src/run/record.js';
import { temporaryFolder } from '../temporaryFolder.js';

const repository = resolve(import.meta.dirname, '../../..');
const fixtures = join(repository, 'test/fixtures/formats');

interface Format1Score {
  readonly selectedOn: string;
  readonly tauSelectedOn?: string;
  readonly top1: number;
  readonly few?: number;
}

interface Format1 {
  readonly format: number;
  readonly scores: readonly Format1Score[];
  readonly results: readonly Format1Score[];
  readonly rebalanced_best?: Format1Score;
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Format1;

describe('Result records of format 1', () => {
  const records = filesBelow(join(repository, 'results'), '.json');
  const older = readdirSync(fixtures).filter(name => name.startsWith('record'));
  for (const path of [...records, ...older.map(name => join(fixtures, name))]) {
    const stored = read(path);
    if (stored.format !== 1) continue;
    test(path.slice(repository.length + 1), () => {
      const { record } = readResult(path);
      assert.equal(record.format, 2);
      assert.deepEqual(
        record.scores.map(score => [score.selected_on, score.tau_selected_on, score.top1, score.few]),
        stored.scores.map(({ selectedOn, tauSelectedOn, top1, few }) => [
          selectedOn,
          tauSelectedOn,
          percentOf(top1),
          few === undefined ? undefined : percentOf(few),
        ]),
      );
      assert.equal(record.rebalanced_best?.top1, stored.rebalanced_best && percentOf(stored.rebalanced_best.top1));
    });
  }
  test('they are there', () => assert.ok(records.length + older.length > 10));
});

test('run.json of format 1 reads in percent, and is of format 2 once a run has gone on', () => {
  const fixture = join(fixtures, 'run_format1.json');
  const stored = read(fixture);
  const record = readRecord(fixture);
  const { plain, last_rebalanced } = reportedScores(record.results);
  assert.equal(plain!.top1, percentOf(stored.results[0]!.top1));
  assert.equal(plain!.selected_on, stored.results[0]!.selectedOn);
  assert.equal(last_rebalanced!.top1, percentOf(stored.results.at(-1)!.top1));
  const path = join(temporaryFolder(), 'run.json');
  writeFileSync(path, readFileSync(fixture));
  updateRecord(path, { status: 'finished' });
  const written = JSON.parse(readFileSync(path, 'utf8'));
  assert.deepEqual([written.format, written.results], [2, record.results]);
});
