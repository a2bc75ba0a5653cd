/** What `gala runs clean` removes: the files that training writes, by name. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { StorageError } from '../../src/errors.js';
import { cleanRun, sourcesOf } from '../../src/run/clean.js';
import { readRun } from '../../src/run/runStore.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();
const own = ['best.safetensors', 'last.safetensors', 'last.previous.safetensors'];

test('Of whatever lies among the checkpoints only those of the training go', () => {
  const folder = writeExampleRun(temporary);
  const name = fc.oneof(
    fc.constantFrom(...own),
    fc.constantFrom(
      'export.safetensors',
      'best.safetensors.bak',
      'last.0123456789ab.tmp',
      '.safetensors',
      'LAST.safetensors',
    ),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }).filter(text => !/^\.{1,2}$|\//.test(text)),
  );
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 8 }), names => {
      for (const file of names) writeFileSync(join(folder.checkpoints, file), file);
      const before = readdirSync(folder.checkpoints);
      const dry = cleanRun(folder.directory, true);
      assert.deepEqual(readdirSync(folder.checkpoints), before);
      assert.deepEqual(cleanRun(folder.directory, false), dry);
      assert.deepEqual(
        readdirSync(folder.checkpoints),
        before.filter(file => !own.includes(file)),
      );
    }),
    { numRuns: 50 },
  );
});

test('A link in place of the checkpoints is refused, and what it leads to stays', () => {
  const folder = writeExampleRun(temporary);
  const elsewhere = join(temporary, 'elsewhere');
  renameSync(folder.checkpoints, elsewhere);
  writeFileSync(join(elsewhere, 'last.safetensors'), 'of another run');
  symlinkSync(elsewhere, folder.checkpoints);
  for (const dryRun of [true, false]) {
    assert.throws(
      () => cleanRun(folder.directory, dryRun),
      (error: unknown) => {
        assert.ok(error instanceof StorageError && error.where!.includes(elsewhere));
        return true;
      },
    );
  }
  assert.equal(readFileSync(join(elsewhere, 'last.safetensors'), 'utf8'), 'of another run');
});

test('A checkpoint that is a link is removed, the file it leads to is not', () => {
  const folder = writeExampleRun(temporary);
  mkdirSync(join(temporary, 'kept'));
  const file = join(temporary, 'kept', 'weights.safetensors');
  writeFileSync(file, 'kept');
  symlinkSync(file, join(folder.checkpoints, 'last.safetensors'));
  cleanRun(folder.directory, false);
  assert.deepEqual(readdirSync(folder.checkpoints), []);
  assert.equal(readFileSync(file, 'utf8'), 'kept');
});

test('A folder under the name of a checkpoint is somebody’s own, and stays', () => {
  const folder = writeExampleRun(temporary);
  mkdirSync(join(folder.checkpoints, 'best.safetensors'));
  writeFileSync(join(folder.checkpoints, 'last.safetensors'), 'x');
  assert.deepEqual(cleanRun(folder.directory, false), { bytes: 1 });
  assert.deepEqual(readdirSync(folder.checkpoints), ['best.safetensors']);
});

test('First stages and teachers are known by the runs that took them, wherever the folder of runs is', () => {
  const output = join(temporary, 'sources');
  const [source, other] = [writeExampleRun(output, { name: 'a/b/first' }), writeExampleRun(output, { name: 'other' })];
  const second = writeExampleRun(output, { name: 'mine/second' });
  const record = JSON.parse(readFileSync(second.record, 'utf8'));
  const run = relative(output, source.directory);
  const taken = { run, config_hash: 'x', epoch: 1, weights_sha256: 'y', training_seconds: 1 };
  for (const part of [{ first_stage: taken }, { teachers: [taken] }]) {
    writeFileSync(second.record, JSON.stringify({ ...record, ...part }));
    const runs = [source, other, second].map(({ directory }) => readRun(directory)!);
    assert.deepEqual([...sourcesOf(runs)], [source.directory]);
  }
});
