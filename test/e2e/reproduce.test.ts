/**
 * `gala reproduce` on a cut of the bundled set: what is half done is resumed, what is missing is trained, and the gate
 * closes on a shortfall.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openIdxSet } from '../../src/data/fashionMnist.js';
import { labelsHash } from '../../src/results/fromRun.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { expectExit, gala, galaSignalled, startGala } from './gala.js';
import { recordOf, runFolders } from './outcome.js';
import { writeSmallSet } from './smallSet.js';
import { until } from './until.js';

const temporary = temporaryFolder();
const options = { cwd: temporary };
const set = writeSmallSet(join(temporary, 'set'));
const reproduce = ['reproduce', 'small', '--expected', 'expected.yaml', '--data', set];
const record = join(temporary, 'results/small/gala-seed0-subset0.json');

/** The rows gala and cross_entropy, of which so many percent are claimed of gala. */
function writeExpected(value: number): void {
  const { test } = openIdxSet(set);
  const labels = Int32Array.from({ length: test.length }, (_, i) => test.label(i));
  writeFileSync(
    join(temporary, 'expected.yaml'),
    [
      'small:',
      `  labels_sha256: ${labelsHash(labels, test.classNames.length)}`,
      '  rows: { gala: gala.yaml, cross_entropy: cross_entropy.yaml }',
      '  claims:',
      `    - { row: gala, metric: top1, value: ${value}, source: test, std: 0.75 }`,
      '',
    ].join('\n'),
  );
}

before(() => {
  mkdirSync(temporary, { recursive: true });
  for (const loss of ['gala', 'cross_entropy']) {
    writeFileSync(
      join(temporary, `${loss}.yaml`),
      [
        `extends: fashion_mnist_lt/${loss}`,
        `name: small/${loss}`,
        'train: { epochs: 4, batch_size: 8 }',
        'eval: { batch_size: 100, every: 1, select_on: test }',
        'precision: fp32',
        'threads: 1',
        '',
      ].join('\n'),
    );
  }
  writeExpected(1);
});

test('A dry run prints what would be done and writes nothing', async () => {
  const { stdout } = await gala([...reproduce, '--dry-run'], 0, options);
  assert.match(stdout, /^gala +0 +small\/gala +train /m);
  assert.match(stdout, /^cross_entropy +0 +small\/cross_entropy +train /m);
  assert.deepEqual(runFolders(join(temporary, 'runs'), 'small/gala'), []);
});

test('Without the data nothing is started and the reason is given once', async () => {
  const { stderr } = await gala(['reproduce', 'cifar100_lt', '--runs', 'no-runs', '--quiet'], 4, options);
  assert.equal(stderr.match(/The folder of cifar100 is not known/g)?.length, 1);
  assert.equal(existsSync(join(temporary, 'no-runs')), false);
});

test('Without a record --check-only names the missing rows and ends with 1', async () => {
  const { stdout } = await gala([...reproduce, '--check-only'], 1, options);
  assert.match(stdout, /NO RUN/);
  assert.match(stdout, /^Missing: no recorded run of row gala$/m);
  assert.match(stdout, /^Missing: no recorded run of row cross_entropy$/m);
});

test('A stopped run is resumed, a missing one trained, both are recorded and compared', async () => {
  await galaSignalled('SIGINT', 'epoch 1/4', ['train', '--config', 'gala.yaml', '--data', set], options);
  const dry = await gala([...reproduce, '--dry-run'], 0, options);
  assert.match(dry.stdout, /^gala +0 +small\/gala +resume /m);

  const { stdout, stderr } = await gala([...reproduce, '--quiet'], 0, options);
  assert.match(stderr, /Recorded: results\/small\/gala-seed0-subset0\.json/);
  assert.match(stdout, /^gala +top1 +1\.0 +\d+\.\d\d +1 +\+\d+\.\d\d +1\.50 +reached$/m);
  assert.match(stdout, /^cross_entropy +top1 .* no claim$/m);
  assert.match(stdout, /^2 records counted again from the stored predictions and the labels of the data\.$/m);
  const folders = runFolders(join(temporary, 'runs'), 'small/gala');
  assert.equal(folders.length, 1);
  assert.equal(recordOf(folders[0]!).resumes.length, 1);
  // best and last: plain, at τ = 1 and of equal masses each, best also at the oracle's τ.
  assert.equal(readFileSync(record.replace('.json', '.predictions')).length, 7 * 200);
});

test('A second time nothing is left to run', async () => {
  const before = readFileSync(record, 'utf8');
  const { stdout } = await gala(reproduce, 0, options);
  assert.match(stdout, /^gala +0 +small\/gala +nothing: recorded /m);
  assert.equal(readFileSync(record, 'utf8'), before);
  assert.equal(runFolders(join(temporary, 'runs'), 'small/gala').length, 1);
});

test('A seed that was asked for and is not recorded ends with 1', async () => {
  const { stdout } = await gala([...reproduce, '--check-only', '--seeds', '0,7', '--rows', 'gala'], 1, options);
  assert.match(stdout, /^Missing: no recorded run of row gala with seed 7$/m);
  assert.doesNotMatch(stdout, /cross_entropy/);
});

test('A diverged run is left alone, and its seed counts as missing beside the record of another', async () => {
  const rest = ['--rows', 'gala', '--results', 'others', '--quiet'];
  await gala([...reproduce, ...rest, '--seeds', '7'], 0, options);
  const [seed0] = runFolders(join(temporary, 'runs'), 'small/gala').filter(run => recordOf(run).seeds.run === 0);
  const file = join(seed0!, 'run.json');
  const finished = readFileSync(file, 'utf8');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(finished), status: 'diverged' }));
  const sweeps = readdirSync(join(temporary, 'runs/sweeps'));
  const { stdout, stderr } = await gala([...reproduce, ...rest], 1, options);
  assert.match(stdout, /^gala +0 +small\/gala +diverged /m);
  assert.match(stderr, /^gala, seed 0: \S+ diverged, and the same config would do so again; it is left alone\.$/m);
  assert.match(stdout, /^gala +top1 .* reached$/m);
  assert.match(stdout, /^Missing: no recorded run of row gala with seed 0$/m);
  assert.deepEqual(readdirSync(join(temporary, 'runs/sweeps')), sweeps);
  writeFileSync(file, finished);
});

test('What a killed gala reproduce has started is waited for, recorded and compared', async () => {
  const seed = ['--rows', 'gala', '--seeds', '8', '--results', 'orphans', '--runs', 'orphan-runs'];
  const parent = startGala([...reproduce, ...seed], options);
  const runs = () => runFolders(join(temporary, 'orphan-runs'), 'small/gala').filter(run => !/\.begin-/.test(run));
  await until(() => runs().some(run => existsSync(join(run, 'run.json'))));
  const lock = readdirSync(runs()[0]!).find(name => name.startsWith('.lock-'));
  const orphan = Number(/^\.lock-(\d+)-/.exec(lock!)![1]);
  process.kill(orphan, 'SIGSTOP');
  parent.kill('SIGKILL');
  await parent.finished;

  const again = startGala([...reproduce, ...seed], options);
  await again.printed(/^gala, seed 8: another process trains \S+; waiting for it to end\.$/m);
  process.kill(orphan, 'SIGCONT');
  const { stdout, stderr } = expectExit(await again.finished, 0);
  assert.match(stderr, /^Recorded: orphans\/small\/gala-seed8-subset0\.json$/m);
  assert.match(stdout, /^gala +top1 .* reached$/m);
  assert.equal(runs().length, 1);
});

test('Of several runs to record those before a faulty one are recorded, with their tables', async () => {
  const given = ['small/gala', join(temporary, 'none')];
  const { stdout } = await gala(['results', 'add', ...given, '--results', 'added'], 4, options);
  assert.match(stdout, /^added\/small\/gala-seed\d-subset0\.json$/m);
  assert.ok(existsSync(join(temporary, 'added/small.csv')));
});

test('A result below its claim ends with 1 and says by how much', async () => {
  writeExpected(99);
  const { stdout } = await gala([...reproduce, '--check-only'], 1, options);
  assert.match(stdout, /^Below: gala top1 by \d+\.\d\d, more than two standard deviations between seeds \(1\.50\)$/m);
  writeExpected(1);
});

test('A number typed by hand ends with 1, and the gate names file, score and both numbers', async () => {
  const sound = readFileSync(record, 'utf8');
  writeFileSync(record, '{}');
  const unreadable = await gala([...reproduce, '--dry-run'], 0, options);
  assert.match(unreadable.stderr, /^Left out: .*gala-seed0-subset0\.json: The result record is not usable/m);
  writeFileSync(record, sound.replace(/"top1": [\d.]+/, '"top1": 99.5'));
  const { stdout } = await gala([...reproduce, '--check-only'], 1, options);
  assert.match(
    stdout,
    /^FAULT results\/small\/gala-seed0-subset0\.json: best, plain: it says top1 99\.5 %, the predictions give/m,
  );
  writeFileSync(record, sound);
  await gala([...reproduce, '--check-only'], 0, options);
});

test('An unknown table or row is a usage error that lists the known ones', async () => {
  const { stderr } = await gala(['reproduce', 'coco_lt', '--check-only'], 2, options);
  assert.match(stderr, /cifar100_lt, imagenet_lt, inaturalist2018, places_lt, fashion_mnist_lt/);
  const row = await gala(['reproduce', 'cifar100_lt', '--rows', 'if7', '--check-only'], 2, options);
  assert.match(row.stderr, /if100, cross_entropy_if100, if200, if50, if10/);
});
