import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch } from '../../src/cli/launch.js';
import { StorageError } from '../../src/errors.js';
import { draftSweep } from '../../src/sweep/manifest.js';
import { expandPoints } from '../../src/sweep/points.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();

test('A sweep whose working folder is gone is not launched, and says which folder that is', async () => {
  const spec = { config: 'fashion_mnist_lt/gala', set: new Map(), grid: new Map(), list: [], exclude: [] };
  const sweep = draftSweep({
    name: 't',
    output: join(temporary, 'runs'),
    launcher: { name: 'local', slots: 1 },
    points: expandPoints(spec).points,
  });
  const manifest = { ...sweep.manifest, cwd: join(temporary, 'it is gone') };
  await assert.rejects(launch({ ...sweep, manifest }, manifest.tasks), (error: unknown) => {
    assert.ok(error instanceof StorageError && error.where!.startsWith(manifest.cwd));
    assert.ok(error.next!.includes(`mkdir -p '${manifest.cwd}'`));
    return true;
  });
});
