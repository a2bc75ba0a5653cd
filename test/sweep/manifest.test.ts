/** A sweep as it is made, and opened again. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSweep, draftSweep, listSweeps, openSweep } from '../../src/sweep/manifest.js';
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
