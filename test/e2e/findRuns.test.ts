/**
 * Finding runs: the printed command to go on, `latest`, names of configs, `gala runs list`, and a run.json that cannot
 * be used.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, gala, galaSignalled, startGala } from './gala.js';
import { onlyRun, recordOf } from './outcome.js';
import { smallConfig, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const name = 'fashion_mnist_lt/gala';
let run: string;
let goOn: string[];

before(async () => {
  writeSmallSet(at('set'));
  const { stdout, stderr } = await galaSignalled(
    'SIGTERM',
    '"type":"start"',
    ['train', ...smallConfig(), '--data', 'set', '--json'],
    options,
  );
  run = onlyRun(at('runs'));
  assert.equal(JSON.parse(stdout.split('\n', 1)[0]!).folder, run, 'the run folder is in the first line of --json');
  goOn = /Go on with: gala (.*)$/m.exec(stderr)![1]!.split(' ');
});

test('A run remembers its data; moved data is told with its place, and --data wins', async () => {
  assert.equal(recordOf(run).data_root, at('set'));
  renameSync(at('set'), at('moved'));
  const moved = errorOf(await gala(goOn, 4, { cwd: '/' }));
  assert.deepEqual([moved.where, /--data DIR/.test(moved.next)], [at('set'), true]);
  const none = errorOf(await gala([...goOn, '--data', 'nowhere'], 4, options));
  assert.doesNotMatch(none.where, /set$/);
  renameSync(at('moved'), at('set'));
});

test('A folder that holds runs, and a name without runs, are told with the runs there are', async () => {
  const folder = errorOf(await gala(['eval', '--run', 'runs'], 4, options));
  assert.match(folder.message, /a folder of one run/);
  assert.ok(folder.next.endsWith(relative(temporary, run)), folder.next);
  for (const command of [['eval'], ['eval', '--run'], ['report'], ['table'], ['runs', 'list'], ['runs', 'clean']]) {
    for (const [text, hint] of [
      ['fashion_mnist_lt/gaal', ' Did you mean fashion_mnist_lt/gala?'],
      ['gala', ' Did you mean fashion_mnist_lt/gala?'],
      ['latst', ' Did you mean latest?'],
      ['nothing', ''],
    ] as const) {
      const { message, next } = errorOf(await gala([...command, text], 4, options));
      assert.equal(message, `There is no run "${text}".${hint}`);
      assert.match(next, /`gala runs list` shows the runs\.$/);
    }
  }
  const config = errorOf(await gala(['train', run], 2, options));
  assert.match(config.next, new RegExp(`gala train --resume ${relative(temporary, run)};`));
});

test('--resume alone says which run it goes on with; exactly the printed command needs no --data', async () => {
  const child = startGala(['train', '--resume'], options);
  await child.printed(/^Going on at epoch/m);
  const busy = errorOf(await gala(['train', '--resume'], 4, options));
  assert.match(busy.message, new RegExp(`^The unfinished run is in progress: process ${child.pid}\\b`));
  assert.deepEqual([busy.where, busy.next.includes(`kill ${child.pid}`)], [relative(temporary, run), true]);
  child.kill('SIGTERM');
  const { stderr } = expectExit(await child.finished, 143);
  assert.ok(stderr.startsWith(`Resuming ${relative(temporary, run)}\n`), stderr);
  await gala(goOn, 0, { cwd: '/' });
  assert.equal(recordOf(run).status, 'finished');
  assert.match(errorOf(await gala(['train', '--resume'], 4, options)).message, /There is no unfinished run\./);
  assert.match(errorOf(await gala(['train', '--resume', 'latest'], 4, options)).message, /no unfinished run of latest/);
});

test('gala runs list tells what differs from the named config, how far each run is, and its top-1', async () => {
  const list = JSON.parse((await gala(['runs', 'list', '--json'], 0, options)).stdout);
  assert.equal(list.length, 1);
  assert.deepEqual(
    { ...list[0], differences: undefined, started_at: undefined },
    {
      name,
      differences: undefined,
      status: 'finished',
      epoch: 3,
      epochs: 3,
      started_at: undefined,
      top1: recordOf(run).results[0]!.top1,
      folder: run,
    },
  );
  assert.ok(list[0].differences.includes('train.epochs=3'));
  const { stdout } = await gala(['runs', 'list'], 0, options);
  assert.match(stdout, new RegExp(`^${relative(temporary, run)} .* 3/3 [^]*^train\\.epochs=3`, 'm'));
  const none = await gala(['runs', 'list', '--runs', 'nowhere'], 0, options);
  assert.deepEqual([none.stdout, none.stderr], ['', 'There is no run below nowhere yet.\n']);
});

test('A config name and latest stand for a run folder', async () => {
  const table = (await gala(['eval', '--run', run], 0, options)).stdout;
  for (const text of [name, 'latest']) {
    const { stdout, stderr } = await gala(['eval', '--run', text], 0, options);
    assert.equal(stdout, table);
    assert.match(stderr, new RegExp(`^Run: ${relative(temporary, run)}, with\\s.*train\\.epochs=3`, 'ms'));
    assert.equal((await gala(['eval', text], 0, options)).stdout, table);
    await gala(['export', text, '--output', at('model.safetensors')], 0, options);
    await gala(['report', text, '--output', at('report.html')], 0, options);
    assert.match((await gala(['table', text], 0, options)).stdout, /fashion_mnist_lt\/gala/);
  }
});

test('A run.json that cannot be used is named, and stops no other run', async () => {
  const damaged = join(temporary, 'runs', name, '20200101-000000-0');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'run.json'), '{');
  const before = readFileSync(join(run, 'run.json'), 'utf8');
  for (const command of [
    ['table', 'runs'],
    ['runs', 'list'],
    ['runs', 'clean', 'runs'],
    ['report', run, damaged],
  ]) {
    const { stderr } = await gala(command, 0, options);
    assert.ok(stderr.includes('20200101-000000-0'), `${command.join(' ')}: ${stderr}`);
  }
  assert.equal(readFileSync(join(run, 'run.json'), 'utf8'), before);
});
