import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ConfigError, StorageError } from '../../src/errors.js';
import { isLocked } from '../../src/io/folderLock.js';
import { latestUnfinished } from '../../src/run/namedRun.js';
import { createRecord, updateRecord } from '../../src/run/record.js';
import { beginRunFolder, holdRunFolder, leaveRunFolder, logitsPath, openRunFolder } from '../../src/run/runFolder.js';
import { openRunStore } from '../../src/run/runStore.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleRecord } from './example.js';
import { makeRunFolder } from './makeRunFolder.js';

const output = temporaryFolder();
const pause = () => new Promise(done => setTimeout(done, 5));

describe('run folders', () => {
  test('a new folder is named after config, UTC time and seed, and has its subfolders', () => {
    const before = Date.now();
    const folder = makeRunFolder({ output, name: 'cifar100_lt/gala_if100', seed: 7 });
    const match = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-7$/.exec(basename(folder.directory));
    assert.ok(match, folder.directory);
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const time = Date.UTC(year, month - 1, day, hour, minute, second);
    assert.ok(time > before - 1000 && time <= Date.now(), folder.directory);
    assert.equal(join(output, 'cifar100_lt', 'gala_if100', basename(folder.directory)), folder.directory);
    assert.ok(statSync(folder.checkpoints).isDirectory() && statSync(folder.logits).isDirectory());
  });

  test('processes that start in the same second never share a folder', async () => {
    const place = join(output, 'together');
    const start = String(Date.now() + 4000);
    const child = join(import.meta.dirname, 'child.js');
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, [child, 'create', place, start])),
    );
    const folders = runs.flatMap(({ stdout }) => stdout.trim().split('\n'));
    assert.equal(folders.length, 12);
    assert.equal(new Set(folders).size, 12);
    assert.equal(readdirSync(join(place, 'set', 'config')).length, 12);
    assert.ok(
      folders.some(folder => /-0-2$/.test(folder)),
      'no collision happened',
    );
  });

  test('a folder in which nothing began is removed; one that holds anything else is left as it is', () => {
    const run = { output, name: 'unbegun', seed: 0 };
    const unbegun = beginRunFolder(run);
    writeFileSync(unbegun.folder.config, 'seed: 0');
    leaveRunFolder(unbegun);
    assert.ok(!existsSync(unbegun.folder.directory));
    leaveRunFolder(unbegun); // gone already

    const begun = beginRunFolder(run);
    createRecord(begun.folder.record, exampleRecord('unbegun'));
    leaveRunFolder(begun);
    assert.deepEqual(readdirSync(begun.folder.directory).sort(), ['checkpoints', 'logits', 'run.json']);

    for (const [name, place] of [
      ['last.safetensors', 'checkpoints'],
      ['metrics.jsonl', ''],
    ] as const) {
      const odd = beginRunFolder(run);
      const file = join(odd.folder.directory, place, name);
      writeFileSync(file, 'bytes');
      writeFileSync(odd.folder.config, 'seed: 0');
      leaveRunFolder(odd);
      assert.ok(existsSync(file) && existsSync(odd.folder.config));
      assert.ok(!isLocked(odd.folder.directory));
    }
  });

  test('a new run removes what killed processes left before their run began, and nothing else', () => {
    const run = { output, name: 'left', seed: 0 };
    const living = beginRunFolder(run);
    const killed = makeRunFolder({ ...run, seed: 1 });
    writeFileSync(join(killed.directory, '.lock-1-1-abc-ns1.1--container'), '');
    writeFileSync(join(killed.checkpoints, 'last.safetensors.0123456789ab.tmp'), '');
    const begun = makeRunFolder(run);
    createRecord(begun.record, exampleRecord('left'));
    const own = join(output, 'left', 'notes');
    const elsewhere = join(output, 'elsewhere');
    const linked = join(output, 'left', '20260102-030405-0');
    for (const folder of [own, elsewhere]) mkdirSync(folder);
    symlinkSync(elsewhere, linked);
    const next = beginRunFolder(run);
    assert.deepEqual(
      [living.folder, killed, begun, next.folder].map(({ directory }) => existsSync(directory)),
      [true, false, true, true],
    );
    assert.ok(existsSync(own) && existsSync(linked));
    for (const { lock } of [living, next]) lock.release();
  });

  test('a name that would leave the output folder is a ConfigError', () => {
    for (const name of ['../x', 'a/../../x', '/etc/x', '', 'a//b', '.', 'a b', 'a\0b']) {
      assert.throws(() => beginRunFolder({ output, name, seed: 0 }), ConfigError, JSON.stringify(name));
    }
  });

  test('an output folder that cannot be written is a StorageError', () => {
    const file = join(output, 'file');
    writeFileSync(file, '');
    assert.throws(() => beginRunFolder({ output: file, name: 'a', seed: 0 }), StorageError);
  });

  test('a run is opened by its folder; a folder without run.json is none', () => {
    const folder = makeRunFolder({ output, name: 'open', seed: 0 });
    assert.throws(
      () => openRunFolder(folder.directory),
      (error: unknown) => error instanceof StorageError && error.where === folder.directory,
    );
    createRecord(folder.record, exampleRecord('open'));
    assert.deepEqual(openRunFolder(folder.directory), folder);
    assert.throws(() => openRunFolder(join(output, 'missing')), StorageError);
  });

  test('locking clears what a killed write left behind', () => {
    const folder = makeRunFolder({ output, name: 'leftovers', seed: 0 });
    const leftover = join(folder.checkpoints, 'last.safetensors.0123456789ab.tmp');
    writeFileSync(leftover, '');
    const lock = holdRunFolder(folder).lock;
    assert.equal(existsSync(leftover), false);
    lock.release();
  });

  test('the run to resume is the last started one that is neither finished, diverged nor held', async () => {
    const name = 'set/resume';
    const latestIn = (of: string) => latestUnfinished(openRunStore(output).ofName(of))?.directory;
    assert.equal(latestIn(name), undefined);
    const made = [];
    for (let i = 0; i < 6; i++) {
      const folder = makeRunFolder({ output, name, seed: 9 - i }); // folder names in the opposite order of time
      createRecord(folder.record, exampleRecord(name));
      made.push(folder);
      await pause();
    }
    const [first, interrupted, finished, diverged, damaged, held] = made as [(typeof made)[0], ...typeof made] &
      typeof made;
    updateRecord(first!.record, { status: 'failed', failure: 'disk full' });
    updateRecord(interrupted!.record, { status: 'interrupted' });
    updateRecord(finished!.record, { status: 'finished' });
    updateRecord(diverged!.record, { status: 'diverged' });
    writeFileSync(damaged!.record, '{');
    const lock = holdRunFolder(held!).lock;
    mkdirSync(join(output, name, 'notes')); // not a run
    assert.equal(latestIn(name), interrupted!.directory);
    lock.release();
    assert.equal(latestIn(name), held!.directory); // status `running`, holder gone: killed
    assert.equal(latestIn('set'), undefined);
  });

  test('the name of a split is a plain word', () => {
    const folder = makeRunFolder({ output, name: 'split', seed: 0 });
    assert.equal(logitsPath(folder, 'test'), join(folder.logits, 'test.safetensors'));
    assert.throws(() => logitsPath(folder, '../x'), ConfigError);
  });
});
