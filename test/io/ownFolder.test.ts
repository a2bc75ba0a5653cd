import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { makeFolderBelow, refuseLinksBelow } from '../../src/io/makeFolder.js';
import { openForWriting } from '../../src/io/regularFile.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();

test('Folders are made below a root that may be a link, and through no other link', () => {
  const [root, elsewhere] = [join(temporary, 'root'), join(temporary, 'elsewhere')];
  mkdirSync(elsewhere);
  mkdirSync(root);
  symlinkSync(root, join(temporary, 'link'));
  assert.equal(makeFolderBelow(join(temporary, 'link'), 'a', 'b'), join(temporary, 'link', 'a', 'b'));
  assert.ok(existsSync(join(root, 'a', 'b')));
  symlinkSync(elsewhere, join(root, 'a', 'c'));
  for (const action of [() => makeFolderBelow(root, 'a', 'c', 'd'), () => refuseLinksBelow(root, 'a', 'c', 'd')]) {
    assert.throws(action, (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.equal(error.where, `${join(root, 'a', 'c')} → ${elsewhere}`);
      return true;
    });
  }
  assert.deepEqual(readdirSync(elsewhere), []);
  refuseLinksBelow(root, 'a', 'b', 'missing');
});

test(
  'A file is opened for writing only where it is a file: a link, a pipe and a device are refused, what ' +
    'a link leads to stays',
  () => {
    const [mine, link, pipe] = ['mine', 'link to mine', 'pipe'].map(name => join(temporary, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(mine, 'mine');
    symlinkSync(mine, link);
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    for (const how of ['append', 'replace', 'change'] as const) {
      assert.throws(() => openForWriting(link, how), { code: 'ELOOP' });
      assert.throws(() => closeSync(openForWriting(pipe, how)), /ENXIO|not a regular file/);
      assert.throws(() => openForWriting('/dev/null', how), /not a regular file/);
    }
    assert.equal(readFileSync(mine, 'utf8'), 'mine');
    const file = openForWriting(mine, 'append');
    writeSync(file, '+');
    closeSync(file);
    assert.equal(readFileSync(mine, 'utf8'), 'mine+');
  },
);
