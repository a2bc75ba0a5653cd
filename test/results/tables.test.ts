/** The files that are generated from records. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listResults, readResult } from '../../src/results/record.js';
import { generatedFiles, resultsCsv, resultsMarkdown, writeGeneratedFiles } from '../../src/results/tables.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleResults } from './exampleRun.js';

const temporary = temporaryFolder();
const table = 'fashion_mnist_lt';

test('The CSV has a line per score, the README one per config with mean ± standard deviation', async () => {
  const { results } = await writeExampleResults(join(temporary, 'a'), [0, 1]);
  const records = listResults(results, table).map(path => readResult(path).record);
  const lines = resultsCsv(records).trimEnd().split('\n');
  assert.equal(lines.length, 1 + 2 * 4);
  assert.match(
    lines[0]!,
    /^config,seed,subset_seed,subset_hash,checkpoint,epoch,selected_on,predictions,tau,tau_selected_on,top1,/,
  );
  assert.match(lines[3]!, /,last,20,last,equal masses,,,/);
  assert.match(lines[4]!, /,last,20,last,re-balanced,[\d.]+,test \(oracle\),/);
  const values = records.map(record => record.scores[0]!.top1);
  const [mean, std] = [(values[0]! + values[1]!) / 2, Math.abs(values[0]! - values[1]!) / Math.SQRT2];
  const rows = resultsMarkdown(records).split('\n');
  assert.equal(rows.length, 3);
  assert.ok(
    rows[2]!.startsWith(`| fashion_mnist_lt/gala | 2 | last | ${mean.toFixed(2)} ± ${std.toFixed(2)} |`),
    rows[2],
  );
});

test('The table goes between the markers of the README beside results, and nothing else of it changes', async () => {
  const { results } = await writeExampleResults(join(temporary, 'b'));
  const readme = join(temporary, 'b/README.md');
  const [before, after] = [
    '# Mine\n\n<!-- results:fashion_mnist_lt (made by gala results tables) -->',
    '<!-- /results:fashion_mnist_lt -->\n\nEnd.\n',
  ];
  writeFileSync(readme, `${before}\nold\n${after}`);
  assert.deepEqual(writeGeneratedFiles(results, table).sort(), [readme, join(results, 'fashion_mnist_lt.csv')].sort());
  const page = readFileSync(readme, 'utf8');
  assert.ok(page.startsWith(`${before}\n\n| config |`) && page.endsWith(`|\n\n${after}`));
  assert.ok(!page.includes('old'));
  assert.deepEqual(writeGeneratedFiles(results, table), [], 'a second time all are current');
});

test('Without records there is no CSV and the README says so', () => {
  const results = join(temporary, 'c/results');
  assert.deepEqual(generatedFiles(results, table), []);
  assert.ok(!existsSync(results));
  assert.equal(resultsMarkdown([]), 'No run is recorded yet.');
});

test('A folder of another name does not rewrite the README beside it', () => {
  const folder = join(temporary, 'd');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'README.md'),
    '<!-- results:fashion_mnist_lt (made by gala results tables) -->\n<!-- /results:fashion_mnist_lt -->\n',
  );
  assert.equal(generatedFiles(join(folder, 'results'), table).length, 1);
  assert.deepEqual(generatedFiles(join(folder, 'mine'), table), []);
});

test('A record whose text looks like the mark after the table does not end it', async () => {
  const { results } = await writeExampleResults(join(temporary, 'e'));
  const readme = join(temporary, 'e/README.md');
  const [before, after] = [`<!-- results:${table} (made by gala results tables) -->`, `<!-- /results:${table} -->`];
  writeFileSync(readme, `${before}\n${after}\n`);
  const [path] = listResults(results, table);
  const record = JSON.parse(readFileSync(path!, 'utf8')) as { engine: { precision: string } };
  record.engine.precision = `fp32 ${after} x`;
  writeFileSync(path!, JSON.stringify(record));
  writeGeneratedFiles(results, table);
  assert.equal(readFileSync(readme, 'utf8').split(after).length, 2);
  assert.deepEqual(writeGeneratedFiles(results, table), [], 'a second time all are current');
});
