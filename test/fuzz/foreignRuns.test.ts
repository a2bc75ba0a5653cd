/**
 * Run folders and records of others: what their files say never leads out of a folder, and is used or refused, never
 * half.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { GalaError, StorageError } from '../../src/errors.js';
import { reportHtml } from '../../src/report/html.js';
import { readReportRuns } from '../../src/report/reportRun.js';
import { addResult } from '../../src/results/fromRun.js';
import { readResult } from '../../src/results/record.js';
import { formatGroups, readRuns } from '../../src/results/tableOfRuns.js';
import { writeGeneratedFiles } from '../../src/results/tables.js';
import { cleanRun } from '../../src/run/clean.js';
import { openRunStore } from '../../src/run/runStore.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { fuzz } from './fuzz.js';

const temporary = temporaryFolder();
const inner = join(temporary, 'a', 'b', 'c');
mkdirSync(inner, { recursive: true });
const { directory: run } = writeExampleRun(join(inner, 'runs'), { checkpoints: ['best', 'last'] });
const runJson = join(run, 'run.json');
const whole = JSON.parse(readFileSync(runJson, 'utf8')) as Record<string, unknown>;

/** Every file below `temporary`, but those of the results. */
function filesOutside(results: string): string[] {
  return readdirSync(temporary, { recursive: true, encoding: 'utf8' })
    .filter(path => relative(results, join(temporary, path)).startsWith('..'))
    .sort();
}

/** Paths of names that lead somewhere, and any other text. */
const name = fc.oneof(
  fc
    .array(fc.constantFrom('..', '.', '', 'x', 'cifar100_lt', '...', 'a\\b', '\0', '\n', '~', ' '), {
      minLength: 1,
      maxLength: 6,
    })
    .map(parts => parts.join('/')),
  fc.constantFrom('cifar100_lt/gala_if100', 'x/y', 'a/b/c-1.0'),
  fc.constantFrom('/tmp/x', '../x', 'x/../../y', 'x/..', '.hidden/x', 'C:\\x', 'x/con\u202e', `x/${'y'.repeat(300)}`),
  fc.string({ unit: 'binary' }),
  fc.anything(),
);

test('Whatever name a run.json has, a record is written below the results, or nothing is', async t => {
  const results = join(inner, 'results');
  const before = filesOutside(results);
  await fuzz(t, name, {
    read: text => {
      writeFileSync(runJson, JSON.stringify({ ...whole, name: text }));
      try {
        const path = addResult(results, run);
        assert.ok(path.startsWith(`${results}/`), path);
        assert.doesNotThrow(() => readResult(path));
      } finally {
        assert.deepEqual(filesOutside(results), before);
        rmSync(results, { recursive: true, force: true });
      }
    },
    bytes: text => JSON.stringify(text)?.length ?? 0,
    share: 0.5,
  });
});

/** Paths of all values of a JSON, such as `['splits', 'train', 'index_hash']`. */
function pathsIn(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inside]) => [[...path, key], ...pathsIn(inside, [...path, key])]);
}

const change = fc.record({
  path: fc.constantFrom(...pathsIn(whole).filter(path => path[0] !== 'command')),
  value: fc.option(
    fc.oneof(
      fc.constantFrom<unknown>('', 'x', -1, 0.5, 1e300, true, [], {}, [null], '../x'),
      fc.jsonValue({ maxDepth: 2 }),
    ),
    { nil: undefined },
  ),
});

/** run.json with one value replaced, or left out where that is undefined. */
function changed({ path, value }: { path: readonly string[]; value: unknown }): string {
  const copy = structuredClone(whole);
  const parent = path
    .slice(0, -1)
    .reduce<Record<string, unknown>>((map, key) => map[key] as Record<string, unknown>, copy);
  parent[path.at(-1)!] = value;
  return JSON.stringify(copy);
}

test(
  'A run.json with any one value changed or missing is tabled, reported, recorded and cleaned, or ' +
    'refused; a record that is written can be read',
  async t => {
    const results = join(inner, 'changed');
    await fuzz(t, change, {
      read: edit => {
        writeFileSync(runJson, changed(edit));
        rmSync(results, { recursive: true, force: true });
        const faults: GalaError[] = [];
        const attempt = (action: () => unknown) => {
          try {
            action();
          } catch (error) {
            if (!(error instanceof GalaError)) throw error;
            faults.push(error);
          }
        };
        attempt(() => formatGroups(readRuns([run]).groups, 'terminal'));
        attempt(() => reportHtml(readReportRuns([run])));
        attempt(() => cleanRun(run, true));
        attempt(() => openRunStore(join(inner, 'runs')).ofHash('cifar100_lt/gala_if100', 'none'));
        attempt(() => {
          const path = addResult(results, run);
          assert.doesNotThrow(() => readResult(path));
        });
        attempt(() => writeGeneratedFiles(results, 'cifar100_lt'));
        if (faults[0]) throw faults[0];
      },
      bytes: edit => changed(edit).length,
      share: 0.5,
    });
  },
);

test('A record that cannot be read does not stand in the way of the same run’s new one', () => {
  writeFileSync(runJson, JSON.stringify(whole));
  const results = join(inner, 'healed');
  const path = addResult(results, run);
  const good = readFileSync(path, 'utf8');
  for (const broken of ['', '{}', good.replace('"index_hash"', '"hash"')]) {
    writeFileSync(path, broken);
    assert.throws(() => writeGeneratedFiles(results, 'cifar100_lt'), {
      next: 'Take it from the repository again, or make it anew: gala results add RUN_DIR.',
    });
    assert.equal(addResult(results, run), path);
    assert.equal(readFileSync(path, 'utf8'), good);
    writeGeneratedFiles(results, 'cifar100_lt');
  }
});

test('A link in place of a table, of a config’s runs or of a run is not written through', () => {
  writeFileSync(runJson, JSON.stringify(whole));
  const elsewhere = mkdtempSync(join(temporary, 'elsewhere-'));
  const results = mkdtempSync(join(temporary, 'results-'));
  symlinkSync(elsewhere, join(results, 'cifar100_lt'));
  assert.throws(() => addResult(results, run), StorageError);
  const runs = mkdtempSync(join(temporary, 'runs-'));
  mkdirSync(join(runs, 'cifar100_lt'));
  symlinkSync(join(inner, 'runs', 'cifar100_lt', 'gala_if100'), join(runs, 'cifar100_lt', 'gala_if100'));
  assert.throws(() => openRunStore(runs).ofHash('cifar100_lt/gala_if100', whole.config_hash as string), StorageError);
  mkdirSync(join(runs, 'mine', 'gala'), { recursive: true });
  symlinkSync(run, join(runs, 'mine', 'gala', 'link'));
  assert.equal(openRunStore(runs).ofHash('mine/gala', whole.config_hash as string), undefined);
  assert.deepEqual(readdirSync(elsewhere), []);
});
