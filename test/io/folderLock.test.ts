import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../src/errors.js';
import {
  isLocked,
  liveHolderOf,
  localHolder,
  lockFolder,
  removeLocksOfJobs,
  withFolderLock,
} from '../../src/io/folderLock.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { onNetworkDisk } from './networkDisk.js';

const parent = temporaryFolder();
const childFile = join(import.meta.dirname, '../run/child.js');
let made = 0;
const freshFolder = () => {
  const folder = join(parent, String(++made));
  mkdirSync(folder);
  return folder;
};

const unshare = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const canUnshare = spawnSync(unshare[0]!, [...unshare.slice(1), 'true']).status === 0;

function startLocking(
  folder: string,
  under: readonly string[] = [],
): { child: ChildProcess; firstLine: Promise<string> } {
  const [program, ...rest] = [...under, process.execPath, childFile, 'lock', folder];
  const child = spawn(program!, rest, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const firstLine = once(createInterface(child.stdout!), 'line').then(([line]) => line as string);
  return { child, firstLine };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

describe('the lock of a run folder', () => {
  test('a second process is refused, with the pid of the first; after SIGKILL the folder is free', async () => {
    const folder = freshFolder();
    const { child, firstLine } = startLocking(folder);
    try {
      assert.equal(await firstLine, 'held');
      assert.equal(isLocked(folder), true);
      assert.throws(
        () => lockFolder(folder),
        (error: unknown) =>
          error instanceof StorageError &&
          error.message.includes(`Process ${child.pid} `) &&
          error.where!.startsWith(folder),
      );
      assert.equal(readdirSync(folder).length, 1); // the refused one left nothing
    } finally {
      await kill(child);
    }
    assert.equal(readdirSync(folder).length, 1); // SIGKILL cannot clean up
    assert.equal(isLocked(folder), false);
    const lock = lockFolder(folder);
    assert.equal(readdirSync(folder).length, 1); // the dead one's file is gone
    lock.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  test('of several processes at the same moment never two hold it', async () => {
    const folder = freshFolder();
    const contenders = Array.from({ length: 5 }, () => startLocking(folder));
    try {
      const lines = await Promise.all(contenders.map(({ firstLine }) => firstLine));
      const held = lines.filter(line => line === 'held').length;
      assert.ok(held <= 1, lines.join('\n'));
      assert.ok(
        lines.every(line => line === 'held' || line.startsWith('refused Process ')),
        lines.join('\n'),
      );
    } finally {
      await Promise.all(contenders.map(({ child }) => kill(child)));
    }
  });

  test('the same process cannot lock a folder twice, and can again after release', () => {
    const folder = freshFolder();
    const lock = lockFolder(folder);
    assert.throws(
      () => lockFolder(folder),
      (error: unknown) => error instanceof StorageError && /This process/.test(error.message),
    );
    lock.release();
    lock.release();
    lockFolder(folder).release();
  });

  test('a later process with the pid of a dead holder does not count', () => {
    const folder = freshFolder();
    const lock = lockFolder(folder);
    const [own] = readdirSync(folder) as [string];
    lock.release();
    writeFileSync(join(folder, own.replace(/^(\.lock-\d+)-\d+/, '$1-1')), '');
    assert.equal(isLocked(folder), false);
    lockFolder(folder).release();
    assert.deepEqual(readdirSync(folder), []);
  });

  test('a holder of an older gala, which took no lock of the kernel, counts while its process lives', () => {
    const folder = freshFolder();
    const lock = lockFolder(folder);
    const [own] = readdirSync(folder) as [string];
    lock.release();
    const [, start, boot] = /^\.lock-\d+-(\d+)-([0-9a-f]+)-/.exec(own)!;
    const of = (ticks: string) => join(folder, `.lock-${process.pid}-${ticks}-${boot}-${hostname()}`);
    writeFileSync(of(start!), '');
    assert.equal(localHolder(folder), process.pid);
    renameSync(of(start!), of('1'));
    assert.equal(isLocked(folder), false);
  });

  test('on a disk of this machine a holder from before its restart does not count, whatever its name was then', () => {
    const folder = freshFolder();
    for (const name of ['.lock-17-123-abcdef-some-container', '.lock-17-123-abcdef-ns4026531836.1--some-container'])
      writeFileSync(join(folder, name), '');
    assert.equal(isLocked(folder), false);
    lockFolder(folder).release();
    assert.deepEqual(readdirSync(folder), []);
  });

  test(
    'on a disk that machines share a holder on another machine counts, and the error names the file to ' + 'delete',
    () => {
      const folder = freshFolder();
      const file = join(folder, '.lock-17-123-abcdef-some-other-host.example');
      writeFileSync(file, '');
      assert.throws(
        () => onNetworkDisk(() => lockFolder(folder)),
        (error: unknown) =>
          error instanceof StorageError &&
          /Process 17 on some-other-host.example/.test(error.message) &&
          error.where === file,
      );
    },
  );

  test(
    'there a holder from before a restart of this machine does not count; one of another machine with its ' +
      'name does',
    () => {
      const folder = freshFolder();
      const lock = lockFolder(folder);
      const [own] = readdirSync(folder) as [string];
      lock.release();
      const [, before, machine, host] = /^(\.lock-\d+-\d+-)[0-9a-f]+-ns\d+\.\d+-([0-9a-f]*)-(.+?)$/.exec(own)!;
      const lockOf = (id: string) => join(folder, `${before}abcdef-ns1.1-${id}-${host}`);
      writeFileSync(lockOf('0123456789ab'), '');
      assert.equal(onNetworkDisk(() => liveHolderOf(folder))?.place, ` on ${host}`);
      rmSync(lockOf('0123456789ab'));
      writeFileSync(lockOf(machine!), '');
      // A machine without an id could be any of its name.
      assert.equal(
        onNetworkDisk(() => isLocked(folder)),
        machine === '',
      );
    },
  );

  test('a process in another container of this machine counts while it lives, on any disk, and no longer', {
    skip: canUnshare ? false : 'no right to make a PID namespace',
  }, async () => {
    const folder = freshFolder();
    const { child, firstLine } = startLocking(folder, unshare);
    try {
      assert.equal(await firstLine, 'held');
      for (const look of [() => lockFolder(folder), () => onNetworkDisk(() => lockFolder(folder))]) {
        assert.throws(look, (error: unknown) =>
          /^Process \d+ in another container \(.+\) already works/.test((error as Error).message),
        );
      }
      assert.equal(localHolder(folder), undefined); // its pid means something else here
      const other = startLocking(folder, unshare);
      assert.match(await other.firstLine, /^refused Process \d+ in another container/);
      await kill(other.child);
    } finally {
      await kill(child);
    }
    while (isLocked(folder)) await sleep(10);
    const { child: next, firstLine: line } = startLocking(folder, unshare);
    assert.equal(await line, 'held');
    assert.equal(readdirSync(folder).length, 1);
    await kill(next);
  });

  test('work that waits for its turn is told once for whom, and gets it when the holder has gone', async () => {
    const folder = freshFolder();
    const { child, firstLine } = startLocking(folder);
    try {
      await firstLine;
      const told: string[] = [];
      const work = withFolderLock(
        folder,
        holder => {
          told.push(holder);
          child.kill('SIGKILL');
        },
        async waited => waited,
      );
      assert.equal(await work, true);
      assert.deepEqual(told, [`process ${child.pid}`]);
      assert.equal(await withFolderLock(folder, assert.fail, async waited => waited), false);
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      await kill(child);
    }
  });

  test('a folder that is not there is a StorageError', () => {
    assert.throws(() => lockFolder(join(parent, 'missing')), StorageError);
  });
});

/** Runs `action` as if in a SLURM job, on a disk that its nodes share. */
function inJob<T>(id: string, restart: number, action: () => T): T {
  const before = { ...process.env };
  Object.assign(process.env, { SLURM_JOB_ID: id, SLURM_RESTART_COUNT: String(restart) });
  try {
    return onNetworkDisk(action);
  } finally {
    process.env = before;
  }
}

describe('the lock of a SLURM job', () => {
  const foreign = '.lock-7-99-abc-node17+job40.1';

  test('what the same job left on another node before it was started again does not count', () => {
    const folder = freshFolder();
    writeFileSync(join(folder, foreign), '');
    assert.equal(
      inJob('41', 3, () => isLocked(folder)),
      true,
    );
    assert.equal(
      inJob('40', 1, () => isLocked(folder)),
      true,
    );
    assert.equal(
      inJob('40', 2, () => isLocked(folder)),
      false,
    );
    inJob('40', 2, () => lockFolder(folder)).release();
    assert.deepEqual(readdirSync(folder), []);
  });

  test('what a job that is over left on another node is removed, and nothing else', () => {
    const folder = freshFolder();
    for (const name of [foreign, '.lock-8-99-abc-node17', '.lock-9-99-abc-node17+job55.0']) {
      writeFileSync(join(folder, name), '');
    }
    removeLocksOfJobs(folder, job => job === '40');
    assert.deepEqual(readdirSync(folder).sort(), ['.lock-8-99-abc-node17', '.lock-9-99-abc-node17+job55.0']);
  });

  test('the holder on this host is told by its pid, one elsewhere is not', () => {
    const folder = freshFolder();
    writeFileSync(join(folder, foreign), '');
    assert.equal(
      onNetworkDisk(() => localHolder(folder)),
      undefined,
    );
    const free = freshFolder();
    const lock = inJob('40', 0, () => lockFolder(free));
    assert.match(readdirSync(free)[0]!, /\+job40\.0$/);
    assert.equal(localHolder(free), process.pid);
    lock.release();
  });
});
