import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { runFolderOf, runsAtName } from '../../src/run/namedRun.js';
import { findRunFolders } from '../../src/run/runStore.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';

const root = temporaryFolder();
for (const run of ['a/1', 'a/2', 'b/c/1']) {
  mkdirSync(join(root, run), { recursive: true });
  writeFileSync(join(root, run, 'run.json'), '{}');
}
mkdirSync(join(root, 'sweeps/s/configs'), { recursive: true });
writeFileSync(join(root, 'notes.txt'), '');
const at = (...names: string[]) => names.map(name => join(root, name));

test('what a shell makes of runs/* is taken: the runs, and what holds none is told', () => {
  const none: string[] = [];
  assert.deepEqual(
    findRunFolders(at('a', 'b', 'notes.txt', 'sweeps'), path => none.push(path)),
    at('a/1', 'a/2', 'b/c/1'),
  );
  assert.deepEqual(none, at('notes.txt', 'sweeps'));
});

test('a run that is met twice, also through a link, is found once', () => {
  symlinkSync(join(root, 'a'), join(root, 'link'));
  assert.deepEqual(findRunFolders(at('a', 'a/1', 'link')), at('a/1', 'a/2'));
});

test('no run at all, and a path that is not there, are errors', () => {
  for (const paths of [at('sweeps', 'notes.txt'), at('a', 'nowhere')]) {
    assert.throws(
      () => findRunFolders(paths),
      (error: unknown) => error instanceof StorageError && !!error.next,
    );
  }
});

test('a name is the folder of its runs, also beside a folder of images of that name', t => {
  const here = process.cwd();
  t.after(() => process.chdir(here));
  mkdirSync(join(root, 'work', 'a', 'class'), { recursive: true });
  process.chdir(join(root, 'work'));
  assert.equal(runsAtName('a', root), join(root, 'a'));
  assert.equal(runsAtName('b/c/', root), join(root, 'b/c'), 'with the slash that a shell completes');
  process.chdir(root);
  assert.equal(runsAtName('a', '.'), 'a', 'a path with runs is taken as it is');
  assert.throws(() => runsAtName('nowhere', root), /^StorageError: There is no run "nowhere", and none at all below /);
});

test('To read, a name means its latest finished run, or the latest if none is finished; to resume, an open one', () => {
  const output = join(root, 'named');
  const runs = [0, 1, 2].map(second => {
    const { directory, record } = writeExampleRun(output, { name: 'a/b' });
    const text = JSON.parse(readFileSync(record, 'utf8'));
    const status = second === 0 ? 'finished' : 'interrupted';
    const started_at = `2026-01-02T03:04:0${second}.000Z`;
    return {
      directory,
      write: (to = status) => writeFileSync(record, JSON.stringify({ ...text, status: to, started_at })),
    };
  });
  for (const { write } of runs) write();
  const named = (text: string, purpose?: 'resume') => runFolderOf(text, output, purpose, () => undefined);
  for (const text of ['a/b', 'latest']) {
    assert.equal(named(text), runs[0]!.directory);
    assert.equal(named(text, 'resume'), runs[2]!.directory);
  }
  runs[0]!.write('interrupted');
  assert.equal(named('a/b'), runs[2]!.directory);
});
