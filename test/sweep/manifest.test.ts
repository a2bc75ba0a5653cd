/** A sweep as it is made, and opened again. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { createSweep, draftSweep, forgetSweep, listSweeps, openSweep } from '../../src/sweep/manifest.js';
import { leftOf } from '../../src/sweep/plan.js';
import { expandPoints } from '../../src/sweep/points.js';
import { temporaryFolder } from '../temporaryFolder.js';

const output = temporaryFolder();
const { points } = expandPoints({
  set: new Map(),
  grid: new Map([['config', ['cifar100_lt/gala_if100', 'cifar100_lt/tau_norm_if100']]]),
  list: [],
  exclude: [],
});

test('A sweep is opened as it was made, also of configs without epochs', () => {
  const sweep = draftSweep({ name: 'both', output, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
  assert.deepEqual(openSweep('both', output), sweep);
  assert.deepEqual(
    sweep.manifest.tasks.map(({ epochs }) => epochs),
    [200, 0],
  );
});

test('A sweep that cannot be written whole leaves nothing that has its name or that is listed', () => {
  const folder = temporaryFolder();
  const [first] = points;
  const broken = {
    ...first!,
    loaded: {
      ...first!.loaded,
      get yaml(): string {
        throw new Error('killed here');
      },
    },
  };
  const sweep = draftSweep({ name: 'half', output: folder, launcher: { name: 'local', slots: 1 }, points });
  assert.throws(() => createSweep(sweep, [first!, broken]));
  assert.deepEqual(readdirSync(join(folder, 'sweeps')), []);
  createSweep(sweep, points);
  assert.deepEqual(listSweeps(folder), ['half']);
});

test('What is left of a run is the part of its epochs that is not trained; without epochs, the whole of it', () => {
  const left = (epoch: number) =>
    points.map((point, index) => leftOf({ index, point, found: { state: 'resumable', epoch, directory: '' } }, 1000));
  assert.deepEqual(left(0), [1000, 1000]);
  assert.equal(left(50)[0], 750);
  const [, notStarted] = points.map((point, index) => leftOf({ index, point, found: undefined }, 1000));
  assert.equal(notStarted, 1000);
});

test('A manifest of another name, and one whose tasks have names that lead elsewhere, are refused', () => {
  const folder = temporaryFolder();
  const sweep = draftSweep({ name: 'theirs', output: folder, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
  const path = join(sweep.directory, 'sweep.json');
  const whole = JSON.parse(readFileSync(path, 'utf8'));
  const changes = [
    { name: 'x; rm -rf ~' },
    { name: 'another' },
    { tasks: [{ ...whole.tasks[0], config: '../../../home' }] },
    { tasks: [{ ...whole.tasks[0], index: '../0' }] },
  ];
  for (const change of changes) {
    writeFileSync(path, JSON.stringify({ ...whole, ...change }));
    assert.throws(() => openSweep('theirs', folder), StorageError, JSON.stringify(change));
  }
});

test('A sweep whose configs, logs or exits are a link is not opened: its runs would write through it', () => {
  const folder = temporaryFolder();
  const sweep = draftSweep({ name: 'linked', output: folder, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
  const logs = join(sweep.directory, 'logs');
  renameSync(logs, join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), logs);
  assert.throws(() => openSweep('linked', folder), StorageError);
});

test('A sweep is forgotten file by file: what somebody else put into its folder stays', () => {
  const folder = temporaryFolder();
  for (const name of ['whole', 'shared']) {
    const sweep = draftSweep({ name, output: folder, launcher: { name: 'local', slots: 1 }, points });
    createSweep(sweep, points);
    if (name === 'shared') writeFileSync(join(sweep.directory, 'notes.txt'), '');
    forgetSweep(sweep);
  }
  assert.deepEqual(readdirSync(join(folder, 'sweeps')), ['shared']);
  assert.deepEqual(readdirSync(join(folder, 'sweeps', 'shared')), ['notes.txt']);
});
