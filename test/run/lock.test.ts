import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { isLocked, lockFolder } from '../../src/run/lock.js';
import { temporaryFolder } from '../temporaryFolder.js';

const parent = temporaryFolder();
let made = 0;
const freshFolder = () => {
  const folder = join(parent, String(++made));
  mkdirSync(folder);
  return folder;
};

function startLocking(folder: string): { child: ChildProcess; firstLine: Promise<string> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.js'), 'lock', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const firstLine = once(createInterface(child.stdout!), 'line').then(([line]) => line as string);
  return { child, firstLine };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
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

  test('a later process with the pid of a dead holder, and a holder from before a reboot, do not count', () => {
    for (const identity of [`${process.ppid}-1-abc`, `${process.pid}-1-0123`]) {
      const folder = freshFolder();
      writeFileSync(join(folder, `.lock-${identity}-${hostname()}`), '');
      assert.equal(isLocked(folder), false);
      lockFolder(folder).release();
    }
  });

  test('a holder on another machine counts, and the error names the file to delete', () => {
    const folder = freshFolder();
    const file = join(folder, '.lock-17-123-abcdef-some-other-host.example');
    writeFileSync(file, '');
    assert.throws(
      () => lockFolder(folder),
      (error: unknown) =>
        error instanceof StorageError &&
        /Process 17 on some-other-host.example/.test(error.message) &&
        error.where === file,
    );
  });

  test('a folder that is not there is a StorageError', () => {
    assert.throws(() => lockFolder(join(parent, 'missing')), StorageError);
  });
});
