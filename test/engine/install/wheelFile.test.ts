import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { extractMember, readWheelDirectory } from '../../../src/engine/install/wheelFile.js';
import { EngineError } from '../../../src/errors.js';
import { sha256OfFile } from '../../../src/io/hash.js';
import { temporaryFolder, wheelContent, writeFakeWheel } from './fakeWheel.js';

test('stored and deflated members come out as they went in', async t => {
  const folder = temporaryFolder(t);
  const { wheel } = writeFakeWheel(folder);
  const directory = readWheelDirectory(wheel);
  assert.deepEqual([...directory.keys()], Object.keys(wheelContent));
  for (const [index, [path, content]] of Object.entries(wheelContent).entries()) {
    const target = join(folder, `member-${index}`);
    await extractMember(wheel, directory.get(path)!, target);
    assert.ok(readFileSync(target).equals(content), path);
  }
});

test('a member whose bytes were damaged is refused by its CRC-32', async t => {
  const folder = temporaryFolder(t);
  const { wheel } = writeFakeWheel(folder);
  const bytes = readFileSync(wheel);
  bytes[bytes.indexOf('raise ImportError')]! ^= 1;
  writeFileSync(wheel, bytes);
  const member = readWheelDirectory(wheel).get('tensorflow/__init__.py')!;
  await assert.rejects(extractMember(wheel, member, join(folder, 'member')), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.match(error.message, /__init__\.py/);
    return true;
  });
});

test('a file that is no zip is refused, and so is one that was cut', async t => {
  const folder = temporaryFolder(t);
  const { wheel } = writeFakeWheel(folder);
  const bytes = readFileSync(wheel);
  for (const [name, content] of Object.entries({
    text: Buffer.from('hello'),
    empty: Buffer.alloc(0),
    cut: bytes.subarray(0, bytes.length / 2),
    headless: bytes.subarray(100),
  })) {
    const path = join(folder, name);
    writeFileSync(path, content);
    assert.throws(() => readWheelDirectory(path), EngineError, name);
  }
});

test('the sha256 of a file is that of its bytes', async t => {
  const { wheel, pin } = writeFakeWheel(temporaryFolder(t));
  assert.equal(await sha256OfFile(wheel), pin.sha256);
  assert.equal(pin.sha256, createHash('sha256').update(readFileSync(wheel)).digest('hex'));
});
