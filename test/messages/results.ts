/** Records, expected values and tables. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLogitsFile, writeLogitsFile } from '../../src/eval/logitsFile.js';
import { readExpected } from '../../src/results/expected.js';
import { addResult } from '../../src/results/fromRun.js';
import { readResult } from '../../src/results/record.js';
import { readRuns } from '../../src/results/tableOfRuns.js';
import { verifyTable } from '../../src/results/verify.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { exampleTable, writeExampleResults } from '../results/exampleRun.js';
import type { Cases } from './catalogue.js';

export const resultCases: Cases = {
  'a table that does not exist': ({ folder }) =>
    exampleTable(join(folder, 'expected.yaml'), 70).then(() => readExpected('cifar', join(folder, 'expected.yaml'))),
  'a row that does not exist': async ({ folder }) => {
    await exampleTable(join(folder, 'expected.yaml'), 70);
    readExpected('fashion_mnist_lt', join(folder, 'expected.yaml'), ['if100']);
  },
  'expected values that are not usable': ({ file }) => readExpected('cifar', file('expected.yaml', 'cifar: {rows: 3}')),
  'a row whose config belongs to another table': async ({ folder }) => {
    const table = await exampleTable(join(folder, 'expected.yaml'), 70);
    await verifyTable({
      table: { ...table, rows: [{ row: 'gala', config: 'cifar100_lt/gala_if100' }] },
      results: folder,
    });
  },
  'a record of a run that is not finished': ({ folder }) =>
    addResult(join(folder, 'results'), writeExampleRun(folder, { finished: false }).directory),
  'a record beside that of another run': async ({ folder }) => {
    const { results, path } = await writeExampleResults(folder);
    const record = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...record, run: '20260102-030405-0' }));
    addResult(results, join(folder, 'runs', 'fashion_mnist_lt', 'gala', record.run.split('/').at(-1)));
  },
  'a record of a run whose logits have other metadata': ({ folder }) => {
    const { directory, logits } = writeExampleRun(folder, { checkpoints: ['best', 'last'] });
    const path = join(logits, 'test-best.safetensors');
    const { selected_on: _, ...source } = readLogitsFile(path);
    writeLogitsFile(path, source);
    addResult(join(folder, 'results'), directory);
  },
  'a link in place of the folder of a table': ({ folder }) => {
    mkdirSync(join(folder, 'results'));
    symlinkSync(folder, join(folder, 'results', 'cifar100_lt'));
    const { directory } = writeExampleRun(folder, { checkpoints: ['best', 'last'] });
    addResult(join(folder, 'results'), directory);
  },
  'a record that is not usable': ({ file }) => readResult(file('gala-seed0-subset0.json', '{"format": 3}')),
  'a record that does not exist': () => readResult('gala-seed0-subset0.json'),
  'a table of runs of which none is finished': ({ folder }) =>
    readRuns([writeExampleRun(folder, { finished: false }).directory]),
};
