/** `gala table`: from run folders to numbers. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { readLogitsFile } from '../../src/eval/logitsFile.js';
import { summarize } from '../../src/eval/summary.js';
import { updateRecord } from '../../src/run/record.js';
import { errorOf, gala } from '../e2e/gala.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleRun } from './exampleRun.js';

const cwd = temporaryFolder();
const runs = join(cwd, 'runs');
let directories: string[];
let unfinished: string;

before(async () => {
  directories = [await writeExampleRun(runs, { seed: 0 }), await writeExampleRun(runs, { seed: 1, skill: 3 })];
  unfinished = await writeExampleRun(join(cwd, 'half'), { seed: 2 });
  updateRecord(join(unfinished, 'run.json'), { status: 'interrupted', epoch: 7 });
});

async function rowsOf(...args: readonly string[]) {
  const { stdout } = await gala(['table', ...args, '--format', 'json'], 0, { cwd });
  return JSON.parse(stdout) as Record<string, number | string | null>[];
}

describe('gala table', () => {
  test('a line has mean and sample standard deviation of what the stored logits give', async () => {
    const values = directories.map(directory => {
      const evaluation = readLogitsFile(join(directory, 'logits/test-last.safetensors'));
      const { plain, rebalanced } = summarize(evaluation, [1]);
      return { plain: 100 * plain.top1, few: 100 * rebalanced[0]!.scores.few! };
    });
    const [a, b] = values as [(typeof values)[0], (typeof values)[0]];
    const [row, ...others] = await rowsOf(runs);
    assert.equal(others.length, 0);
    assert.deepEqual(
      [row!.config, row!.runs, row!.seeds, row!.selected_on],
      ['fashion_mnist_lt/gala', 2, '0, 1', 'last'],
    );
    assert.equal(row!.top1, Number(((a.plain + b.plain) / 2).toFixed(2)));
    assert.equal(row!.top1_std, Number((Math.abs(a.plain - b.plain) / Math.SQRT2).toFixed(2)));
    assert.equal(row!.few_rebalanced, Number(((a.few + b.few) / 2).toFixed(2)));
    assert.equal(row!.top1_last, row!.top1);
    assert.equal(row!.top1_rebalanced_best, null);
  });

  test('a folder of runs, its runs one by one, and one met twice or through a link give the same line', async () => {
    symlinkSync(runs, join(cwd, 'link'));
    const rows = await rowsOf(runs);
    assert.deepEqual(await rowsOf(...directories), rows);
    assert.deepEqual(await rowsOf(directories[0]!, runs, join(cwd, 'link')), rows);
    assert.equal((await rowsOf(directories[1]!))[0]!.top1_std, null);
  });

  test('Markdown and terminal show mean ± deviation and say below the table what they mean', async () => {
    const [row] = await rowsOf(runs);
    const mean = `${(row!.top1 as number).toFixed(2)} ± ${(row!.top1_std as number).toFixed(2)}`;
    for (const format of ['md', 'terminal']) {
      const { stdout } = await gala(['table', runs, '--format', format], 0, { cwd });
      assert.ok(stdout.includes(mean), stdout);
      assert.match(stdout, /^(- )?Top-1 % on the test images, mean ± sample standard deviation over the seeds/m);
      assert.ok(!stdout.includes('selected on the images that it is reported on'));
      assert.ok(!stdout.includes('“own best”'), 'no epoch was selected');
    }
  });

  test('in 80 columns the name of a config stays whole, and what is left out for it is named', async () => {
    const other = await writeExampleRun(join(cwd, 'other'), { seed: 3, set: ['loss.lambda1=0.5'] });
    const { stdout } = await gala(['table', runs, other], 0, { cwd });
    assert.match(stdout, /^fashion_mnist_lt\/gala +\d+\.\d\d ± /m);
    assert.match(stdout.replaceAll('\n', ' '), /Not shown: .*equal masses/);
    assert.deepEqual(
      stdout.split('\n').filter(line => line.length > 80),
      [],
    );
  });

  test('runs that are not finished are left out and named; without a finished one there is no table', async () => {
    const { stderr } = await gala(['table', runs, dirname(dirname(unfinished))], 0, { cwd });
    assert.ok(stderr.includes(`Not in the table: ${unfinished}: interrupted, epoch 7 of 20`), stderr);
    const { message, where } = errorOf(await gala(['table', unfinished], 2, { cwd }));
    assert.match(message, /None of these runs is finished/);
    assert.ok(where.startsWith(unfinished));
  });

  test(
    'a folder without runs exits with 4 and is named, beside others it is told (runs/* names sweeps/ ' +
      'too); one that is not there is an error',
    async () => {
      const empty = join(cwd, 'empty');
      mkdirSync(empty);
      assert.equal(errorOf(await gala(['table', empty], 4, { cwd })).where, empty);
      const { stderr } = await gala(['table', runs, empty], 0, { cwd });
      assert.ok(stderr.includes(`Not in the table: ${empty}: it holds no run`), stderr);
      await gala(['table', runs, join(cwd, 'none')], 4, { cwd });
      const { message } = errorOf(await gala(['table', join(cwd, 'none')], 4, { cwd }));
      assert.equal(message, `There is no run ${JSON.stringify(join(cwd, 'none'))}.`);
      await gala(['table'], 2, { cwd });
    },
  );
});
