import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { removeTemporaries, writeFileAtomic, writeFileKeeping } from '../../src/io/atomicFile.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();

describe('atomic files', () => {
  test('chunks are joined and replace the old content', () => {
    const path = join(folder, 'a.txt');
    writeFileAtomic(path, 'old');
    writeFileAtomic(path, 'new ', Buffer.from('content'), new Uint8Array(), '!');
    assert.equal(readFileSync(path, 'utf8'), 'new content!');
    assert.deepEqual(readdirSync(folder), ['a.txt']);
  });

  test('a failed write is a StorageError with the path, and leaves nothing behind', () => {
    const target = join(folder, 'taken');
    mkdirSync(join(target, 'full'), { recursive: true });
    const file = join(folder, 'file');
    writeFileSync(file, 'x');
    for (const path of [target, join(folder, 'missing', 'b.txt'), join(file, 'c.txt')]) {
      assert.throws(
        () => writeFileAtomic(path, 'x'),
        (error: unknown) => error instanceof StorageError && error.where === path && error.next !== undefined,
      );
    }
    assert.deepEqual(
      readdirSync(folder).filter(name => name.endsWith('.tmp')),
      [],
    );
  });

  test('a pipe or a device, or a link to one, is no file to be replaced: it stays what it is', () => {
    const place = join(folder, 'special');
    mkdirSync(place);
    const [pipe, link] = [join(place, 'pipe'), join(place, 'link')];
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    symlinkSync('/dev/null', link);
    for (const path of [pipe, link]) {
      assert.throws(
        () => writeFileAtomic(path, 'x'),
        (error: unknown) => error instanceof StorageError && error.where === path && /no file/.test(error.next ?? ''),
      );
    }
    assert.ok(lstatSync(pipe).isFIFO() && lstatSync(link).isSymbolicLink());
    assert.deepEqual(readdirSync(place).sort(), ['link', 'pipe']);
  });

  test(
    'the old file can be kept under another name, and is left where it was when the new one cannot be ' + 'written',
    () => {
      const place = join(folder, 'keeping');
      mkdirSync(place);
      const [path, previous] = [join(place, 'last'), join(place, 'previous')];
      writeFileKeeping(path, previous, 'one');
      assert.deepEqual(readdirSync(place), ['last'], 'there was nothing to keep');
      writeFileKeeping(path, previous, 'two');
      writeFileKeeping(path, previous, 'three');
      assert.deepEqual([readFileSync(path, 'utf8'), readFileSync(previous, 'utf8')], ['three', 'two']);
      // A chunk that is no bytes fails as a full disk would: in the middle of the new file.
      assert.throws(() => writeFileKeeping(path, previous, 'four', null as unknown as string), StorageError);
      assert.deepEqual([readFileSync(path, 'utf8'), readFileSync(previous, 'utf8')], ['three', 'two']);
      assert.deepEqual(readdirSync(place).sort(), ['last', 'previous']);
    },
  );

  test('leftovers of a killed write are removed, and nothing else', () => {
    const place = join(folder, 'leftovers');
    mkdirSync(place);
    const own = ['last.safetensors', 'notes.tmp', 'thesis.tex.0123456789ab.tmp', 'last.safetensors.0123.tmp'];
    for (const name of [...own, 'last.safetensors.0123456789ab.tmp', 'run.json.0123456789ab.tmp'])
      writeFileSync(join(place, name), '');
    removeTemporaries(place);
    assert.deepEqual(readdirSync(place).sort(), own.sort());
  });
});
