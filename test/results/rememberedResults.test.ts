/** Results of runs that a table has seen before. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRunResult } from '../../src/results/fromRun.js';
import { rememberedResults } from '../../src/results/rememberedResults.js';
import { updateRecord } from '../../src/run/record.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleRun } from './exampleRun.js';

const folder = temporaryFolder();
const environment = { GALA_CACHE: join(folder, 'cache') };

function resultOf(run: string) {
  const remembered = rememberedResults(environment);
  const result = remembered.resultOf(run);
  remembered.save();
  return result;
}

test(
  'A result is that of the logits, the first time and when it is remembered, until a file of the run ' + 'changes',
  async () => {
    const run = await writeExampleRun(join(folder, 'runs'));
    const { result } = readRunResult(run);
    assert.deepEqual(resultOf(run), result);
    assert.deepEqual(resultOf(run), result);

    const [name] = readdirSync(join(folder, 'cache', 'tables'));
    const file = join(folder, 'cache', 'tables', name!);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll('"training_hours":0.01', '"training_hours":7'));
    assert.equal(resultOf(run).training_hours, 7, 'not taken from the memory');

    updateRecord(join(run, 'run.json'), { training_seconds: 72 });
    assert.deepEqual(resultOf(run), readRunResult(run).result);
    assert.equal(resultOf(run).training_hours, 0.02);
  },
);

test('A damaged memory is read from the runs again', async () => {
  const run = await writeExampleRun(join(folder, 'others'), { seed: 1 });
  resultOf(run);
  for (const name of readdirSync(join(folder, 'cache', 'tables')))
    writeFileSync(join(folder, 'cache', 'tables', name), '[["');
  assert.deepEqual(resultOf(run), readRunResult(run).result);
});
