/** How far a sweep is, and what an earlier command will still train, so that the same command leaves it alone. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import { lockFolder } from '../../src/io/folderLock.js';
import {
  createSweep,
  draftSweep,
  type LauncherSettings,
  recordJob,
  sweepFolder,
  taskConfig,
} from '../../src/sweep/manifest.js';
import { shareCores, shareCoresAgain } from '../../src/sweep/plan.js';
import { parseSlurmOptions } from '../../src/sweep/slurm/options.js';
import { claimedTasks, sweepStatus } from '../../src/sweep/status.js';
import { gala } from '../e2e/gala.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();
const { PATH } = process.env;
const points = [0, 1].map(seed => {
  const loaded = loadConfig('fashion_mnist_lt/gala', { seed });
  return { label: '', loaded, hash: configHash(loaded.config) };
});
const hashes = points.map(({ hash }) => hash);

after(() => {
  process.env.PATH = PATH;
});

function makeSweep(output: string, launcher: LauncherSettings, name = 'reproduce-t') {
  const sweep = draftSweep({ name, output, launcher, points });
  createSweep(sweep, points);
  return sweep;
}

/** A squeue that answers with these lines, first in PATH. */
function answerOfSqueue(...lines: string[]): void {
  const folder = join(temporary, 'bin');
  mkdirSync(folder, { recursive: true });
  const text = lines.map(line => `echo '${line}'`).join('\n');
  writeFileSync(join(folder, 'squeue'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  process.env.PATH = `${folder}${delimiter}${PATH}`;
}

test('The tasks of a local sweep are claimed while its process lives', () => {
  const output = join(temporary, 'local');
  const sweep = makeSweep(output, { name: 'local', slots: 1 }, 'reproduce-t-2');
  assert.equal(claimedTasks('reproduce-t', output, 'local').size, 0);
  const lock = lockFolder(sweep.directory);
  const claims = claimedTasks('reproduce-t', output, 'local');
  assert.deepEqual([...claims.keys()], hashes);
  assert.equal(claims.get(hashes[0]!), 'the sweep reproduce-t-2');
  assert.equal(claimedTasks('reproduce', output, 'local').size, 0, 'a sweep of another name');
  lock.release();
});

test('The tasks that SLURM has in its queue are claimed, those that are over are not', () => {
  const output = join(temporary, 'slurm');
  const sweep = makeSweep(output, { name: 'slurm', options: parseSlurmOptions({}, 'test') });
  assert.equal(claimedTasks('reproduce-t', output, 'slurm').size, 0, 'never submitted');
  recordJob(sweep, '101', { first: 0, tasks: [0, 1] });
  answerOfSqueue('101_0|PENDING|Resources', '101_1|FAILED|None');
  const claims = claimedTasks('reproduce-t', output, 'slurm');
  assert.deepEqual([...claims], [[hashes[0], 'the job 101_0 of the sweep reproduce-t']]);
  assert.equal(claimedTasks('reproduce-t', output, 'local').size, 0, 'SLURM is not asked for a local launch');
});

test('SLURM is not asked about a sweep whose runs are all finished', () => {
  const output = join(temporary, 'finished');
  const sweep = recordJob(makeSweep(output, { name: 'slurm', options: parseSlurmOptions({}, 'test') }), '102', {
    first: 0,
    tasks: [0, 1],
  });
  process.env.PATH = join(temporary, 'no programs');
  assert.throws(() => sweepStatus(sweep), /There is no SLURM here/);
  for (const { loaded } of points) {
    const { config } = loaded;
    writeExampleRun(output, { name: config.name, record: { config: { ...config, name: config.name } } });
  }
  assert.deepEqual(
    sweepStatus(sweep).map(({ state }) => state),
    ['finished', 'finished'],
  );
  process.env.PATH = PATH;
});

test('A sweep that goes on with other cores shares them anew, but not for a run that has begun', () => {
  const output = join(temporary, 'shares');
  const options = (cpus: number) => parseSlurmOptions({ cpus }, 'test');
  const shared = shareCores(points, { name: 'slurm', options: options(3) });
  const sweep = draftSweep({ name: 's', output, launcher: { name: 'slurm', options: options(5) }, points });
  createSweep(sweep, shared);
  const [begun, fresh] = sweep.manifest.tasks;
  shareCoresAgain(sweep, [{ task: begun!, directory: 'runs/begun' }, { task: fresh! }]);
  const threads = [0, 1].map(index => loadConfig(taskConfig(sweep, index)).config.threads);
  assert.deepEqual(threads, [3, 5]);
  assert.equal(configHash(loadConfig(taskConfig(sweep, 1)).config), hashes[1], 'it is the same experiment');
});

test('A sweep whose manifest is damaged claims nothing', () => {
  const output = join(temporary, 'damaged');
  const sweep = makeSweep(output, { name: 'local', slots: 1 });
  const lock = lockFolder(sweep.directory);
  writeFileSync(join(sweepFolder('reproduce-t', output), 'sweep.json'), '{');
  assert.equal(claimedTasks('reproduce-t', output, 'local').size, 0);
  lock.release();
});

test('The status fits 80 columns and names what it leaves out; with --wide it has every column', async () => {
  const output = join(temporary, 'status');
  makeSweep(output, { name: 'local', slots: 1 }, 's');
  const narrow = await gala(['sweep', 'status', 's', '--runs', output], 0, { cwd: temporary });
  assert.ok(
    narrow.stdout.split('\n').every(line => line.length <= 80),
    narrow.stdout,
  );
  assert.match(narrow.stdout, /^The same in all rows: .*config fashion_mnist_lt\/gala/m);
  const wide = await gala(['sweep', 'status', 's', '--runs', output, '--wide'], 0, { cwd: temporary });
  assert.match(wide.stdout, /^task {2}config .*\n─.*\n {3}0 {2}fashion_mnist_lt\/gala /);
  assert.doesNotMatch(wide.stdout, /The same in all rows|Not shown/);
});
