/**
 * What `gala sweep resume` takes away of killed SLURM jobs, and what `gala sweep cancel` stops when the launcher is
 * gone.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { experimentLockFolder } from '../../src/run/experimentLock.js';
import { createRecord } from '../../src/run/record.js';
import { removeLeftLocks } from '../../src/sweep/leftLocks.js';
import { createSweep, draftSweep, taskConfig } from '../../src/sweep/manifest.js';
import { sweepStatus } from '../../src/sweep/status.js';
import { gala } from '../e2e/gala.js';
import { onNetworkDisk } from '../io/networkDisk.js';
import { exampleRecord } from '../run/example.js';
import { makeRunFolder } from '../run/makeRunFolder.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();

/** A local sweep over seeds of which nothing is begun. */
function makeSweep(output: string, name: string, seeds: readonly number[]) {
  const points = seeds.map(seed => {
    const loaded = loadConfig(name, { seed });
    return { label: '', loaded, hash: configHash(loaded.config) };
  });
  const sweep = draftSweep({ name: 's', output, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
  return { sweep, configs: points.map(({ loaded }) => loaded.config) };
}

/** The folder of a run that has begun. */
function beginRun(output: string, config: Config): string {
  const folder = makeRunFolder({ output, name: config.name, seed: config.seed });
  createRecord(folder.record, { ...exampleRecord(config.name), config });
  return folder.directory;
}

const locksIn = (folder: string) => readdirSync(folder).filter(name => name.startsWith('.lock-'));

test('Locks of jobs that are over are removed from the runs of a sweep and from its first stages', () => {
  const output = join(temporary, 'left');
  const { sweep, configs } = makeSweep(output, 'cifar100_lt/two_stage_if100', [0, 1, 2]);
  const stageOf = ({ stages }: Config) => stages!.representation;
  const first = stageOf(configs[0]!);
  const stageRun = beginRun(output, first as Config);
  const waitedFor = experimentLockFolder(output, first.name, configHash(first));
  const ownRun = beginRun(output, configs[1]!);
  const unbegun = experimentLockFolder(output, configs[0]!.name, configHash(configs[0]!));
  mkdirSync(waitedFor);
  mkdirSync(unbegun, { recursive: true });
  for (const folder of [stageRun, waitedFor, ownRun, unbegun]) {
    for (const job of [40, 41]) writeFileSync(join(folder, `.lock-7-99-abc-node17+job${job}.0`), '');
  }
  rmSync(taskConfig(sweep, 2)); // its task fails by itself
  onNetworkDisk(() => removeLeftLocks(sweep, sweepStatus(sweep), job => job === '40'));
  for (const folder of [stageRun, waitedFor, ownRun, unbegun]) {
    assert.deepEqual(locksIn(folder), ['.lock-7-99-abc-node17+job41.0'], folder);
  }
});

test('Cancel stops the runs of a launcher that is gone, and names those on another host', async () => {
  const output = join(temporary, 'orphans');
  const { configs } = makeSweep(output, 'fashion_mnist_lt/gala', [0, 1, 2]);
  const [here, there] = [beginRun(output, configs[0]!), beginRun(output, configs[1]!)];
  const child = spawn(process.execPath, [join(import.meta.dirname, '../run/child.js'), 'lock', here], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  try {
    assert.deepEqual(await once(createInterface(child.stdout), 'line'), ['held']);
    writeFileSync(join(there, '.lock-17-99-abc-node17'), '');
    const nodeOptions = [`--import=${new URL('../io/networkDisk.js', import.meta.url)}`];
    const cancel = () => gala(['sweep', 'cancel', 's', '--output', output], 0, { cwd: temporary, nodeOptions });
    const { stderr } = await cancel();
    assert.match(
      stderr,
      new RegExp(`^Told process ${child.pid} to stop; it saves first: orphans/fashion_mnist_lt/`, 'm'),
    );
    assert.match(
      stderr,
      /^Process 17 on node17 works in orphans\/fashion_mnist_lt\/gala\/.*: stop it there \(kill 17\)\.$/m,
    );
    assert.deepEqual(await exit, [null, 'SIGTERM']);
    rmSync(join(there, '.lock-17-99-abc-node17'));
    assert.equal((await cancel()).stderr, 'Nothing waits or runs.\n');
  } finally {
    child.kill('SIGKILL');
  }
});
