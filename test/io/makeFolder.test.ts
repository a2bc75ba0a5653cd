import assert from 'node:assert/strict';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../../src/io/makeFolder.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();

test('A folder is made with those above it, and one that is there is fine', () => {
  const path = join(folder, 'a', 'b', 'c');
  for (const _ of [1, 2]) makeFolder(path);
  assert.ok(statSync(path).isDirectory());
});

test('The error is that of the folder that could not be made, not of the one below it that is missing', () => {
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => makeFolder(join(folder, 'file', 'a')), { code: 'ENOTDIR', path: join(folder, 'file', 'a') });
  // No folder can be made in /proc, and its error is that of something missing.
  assert.throws(() => makeFolder('/proc/gala/a/b'), { code: 'ENOENT', path: '/proc/gala' });
});

test('Of a link that leads nowhere the error names the target, and the remedy makes it', () => {
  const [link, target] = [join(folder, 'link'), join(folder, 'cleared disk')];
  symlinkSync(target, link);
  assert.throws(
    () => makeFolder(join(link, 'runs')),
    (error: Error & { where?: string; next?: string }) => {
      assert.equal(error.where, `${link} → ${target}`);
      assert.equal(error.next, `Make the folder it leads to: mkdir -p '${target}'`);
      return true;
    },
  );
  mkdirSync(target);
  makeFolder(join(link, 'runs'));
  assert.ok(statSync(join(target, 'runs')).isDirectory());
});
