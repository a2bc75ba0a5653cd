import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { configHash } from '../../src/config/identity.js';
import { StorageError } from '../../src/errors.js';
import { describeGit, describeVersions } from '../../src/run/host.js';
import { createRecord, dataRootOf, readRecord, recordResume, updateRecord } from '../../src/run/record.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { exampleRecord } from './example.js';

const folder = temporaryFolder();
const path = join(folder, 'run.json');

describe('run.json', () => {
  test('a new record says data, subset, seeds, engine, versions, host and command, and is read back equal', () => {
    const fields = exampleRecord('cifar100_lt/gala_if100');
    const record = createRecord(path, fields);
    assert.deepEqual(readRecord(path), JSON.parse(JSON.stringify(record)));
    assert.equal(record.status, 'running');
    assert.equal(record.name, 'cifar100_lt/gala_if100');
    assert.deepEqual(record.seeds, { run: 3, subset: 5 });
    assert.deepEqual(record.splits, fields.splits);
    assert.deepEqual(record.engine, fields.engine);
    assert.equal(record.versions.node, process.versions.node);
    assert.match(record.versions.gala, /^\d+\.\d+\.\d+/);
    assert.ok(record.host.cores >= 1 && record.host.memory_bytes > 0 && record.host.cpu.length > 0);
    assert.deepEqual(record.command, process.argv.slice(1));
    assert.equal(record.config_hash, configHash(fields.config));
  });

  test('a change keeps everything else; leaving `running` sets the end', () => {
    const created = createRecord(path, exampleRecord('a'));
    const running = updateRecord(path, { epoch: 4, training_seconds: 12.5 });
    assert.deepEqual({ ...running, epoch: 0, training_seconds: 0, updated_at: created.updated_at }, created);
    const row = { run: 'a', split: 'test', checkpoint: 'best', epoch: 4, selected_on: 'test', top1: 50, many: 60 };
    const finished = updateRecord(path, { status: 'finished', results: [row] });
    assert.equal(finished.finished_at, finished.updated_at);
    assert.deepEqual(readRecord(path).results, [row]);
    assert.equal(readRecord(path).training_seconds, 12.5);
  });

  test('a resume is listed, takes back the end and the failure, and keeps the seconds', () => {
    const { engine } = createRecord(path, exampleRecord('a'));
    updateRecord(path, { status: 'failed', failure: 'disk full', epoch: 9, training_seconds: 90 });
    recordResume(path, { fromEpoch: 8, engine });
    const resumed = recordResume(path, { fromEpoch: 8, engine: { ...engine, threads: 4 } });
    assert.equal(resumed.status, 'running');
    assert.equal(resumed.finished_at, undefined);
    assert.equal(resumed.failure, undefined);
    assert.equal(resumed.epoch, 8);
    assert.equal(resumed.training_seconds, 90);
    assert.deepEqual(
      resumed.resumes.map(resume => [resume.from_epoch, resume.engine.threads]),
      [
        [8, 2],
        [8, 4],
      ],
    );
    assert.deepEqual(readRecord(path), JSON.parse(JSON.stringify(resumed)));
  });

  test('fields this version does not know survive a change', () => {
    createRecord(path, exampleRecord('a'));
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), note: 'kept' }));
    updateRecord(path, { epoch: 1 });
    assert.equal(JSON.parse(readFileSync(path, 'utf8')).note, 'kept');
  });

  test('a missing, cut, foreign or newer file is a StorageError that says what is wrong', () => {
    createRecord(path, exampleRecord('a'));
    const text = readFileSync(path, 'utf8');
    const other = join(folder, 'other.json');
    const cases: [string, RegExp][] = [
      [text.slice(0, text.length / 2), /Could not read/],
      ['[]', /not usable/],
      ['null', /not usable/],
      [text.replace('"format": 2', '"format": 3'), /format/],
      [text.replace('"running"', '"walking"'), /status/],
      [text.replace('{', `{"x": ${'['.repeat(20_000)}${']'.repeat(20_000)},`), /nested more than 100 levels/],
    ];
    for (const [content, message] of cases) {
      writeFileSync(other, content);
      assert.throws(
        () => readRecord(other),
        (error: unknown) => error instanceof StorageError && message.test(error.message) && error.where === other,
      );
    }
    assert.throws(() => readRecord(join(folder, 'none.json')), StorageError);
  });

  test('git is described where there is one and left out where there is none', () => {
    const repository = join(folder, 'repository');
    mkdirSync(repository);
    assert.equal(describeGit(repository), undefined);
    const git = (...command: string[]) => {
      const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
      return spawnSync('git', [...identity, ...command], { cwd: repository, encoding: 'utf8' });
    };
    assert.equal(git('init', '--quiet').status, 0);
    assert.equal(describeGit(repository), undefined); // no commit yet
    writeFileSync(join(repository, 'a'), '1');
    git('add', 'a');
    git('commit', '--quiet', '-m', 'a');
    const clean = describeGit(repository);
    assert.match(clean!.commit, /^[0-9a-f]{40}$/);
    writeFileSync(join(repository, 'untracked'), '1');
    assert.deepEqual(describeGit(repository), { commit: clean!.commit, dirty: false });
    writeFileSync(join(repository, 'a'), '2');
    assert.deepEqual(describeGit(repository), { commit: clean!.commit, dirty: true });
  });

  test('a repository cannot name a program that is run to describe it', () => {
    const repository = join(folder, 'foreign');
    mkdirSync(repository);
    const git = (...command: string[]) => spawnSync('git', command, { cwd: repository }).status;
    const monitor = join(folder, 'monitor.sh');
    const ran = join(folder, 'ran');
    writeFileSync(monitor, `#!/bin/sh\ntouch '${ran}'\nexit 1\n`, { mode: 0o755 });
    writeFileSync(join(repository, 'a'), '1');
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
    for (const command of [
      ['init', '--quiet'],
      ['add', 'a'],
      [...identity, 'commit', '--quiet', '-m', 'a'],
    ])
      assert.equal(git(...command), 0);
    assert.equal(git('config', 'core.fsmonitor', monitor), 0);
    git('status');
    assert.ok(existsSync(ran), 'git itself runs it');
    rmSync(ran);
    assert.equal(describeGit(repository)!.dirty, false);
    assert.ok(!existsSync(ran));
  });

  test('the log is the file that takes stderr, and no device or pipe', () => {
    const log = join(folder, 'messages.log');
    const host = JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/run/host.js')));
    const script = `import(${host}).then(({ describeLog }) => console.log(describeLog()))`;
    const logOf = (stderr: number | 'pipe' | 'ignore') =>
      spawnSync(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', stderr], encoding: 'utf8' }).stdout;
    assert.equal(logOf(openSync(log, 'w')), `${realpathSync(log)}\n`);
    for (const other of ['pipe', 'ignore'] as const) assert.equal(logOf(other), 'undefined\n');
  });

  test('without the git program the commit is left out', () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      assert.equal(describeGit(process.cwd()), undefined);
    } finally {
      process.env.PATH = path;
    }
    assert.ok(describeVersions().gala);
  });
});

test('The data folder of a run: --data, then the one that run.json remembers, then GALA_DATA', t => {
  const folder = temporaryFolder();
  const before = process.env.GALA_DATA;
  t.after(() => {
    if (before === undefined) delete process.env.GALA_DATA;
    else process.env.GALA_DATA = before;
  });
  delete process.env.GALA_DATA;
  const gone = { data_root: join(folder, 'gone') };
  assert.throws(() => dataRootOf(gone, undefined), /The data of this run is not where the run last read it/);
  process.env.GALA_DATA = join(folder, 'other');
  assert.equal(dataRootOf({ data_root: folder }, undefined), folder);
  assert.equal(dataRootOf({ data_root: folder }, '/given'), '/given');
  assert.equal(dataRootOf(gone, undefined), undefined, 'left to GALA_DATA');
});
