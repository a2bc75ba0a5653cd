import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { readGradients } from '../../src/report/gradients.js';
import { temporaryFolder } from '../temporaryFolder.js';

const path = join(temporaryFolder(), 'gradients.jsonl');
const line = (epoch: number) => JSON.stringify({ epoch, positive: [1, 2], negative: [3, epoch] });

describe('gradients of a run', () => {
  test('a run without the file has none', () => {
    assert.equal(readGradients(`${path}.missing`, 2), undefined);
  });

  test('every epoch is read; a last line that a crash cut off is dropped, a whole one without newline kept', () => {
    writeFileSync(path, `${line(1)}\n${line(2)}\n`);
    assert.deepEqual(readGradients(path, 2), [JSON.parse(line(1)), JSON.parse(line(2))]);
    writeFileSync(path, `${line(1)}\n${line(2).slice(0, 20)}`);
    assert.deepEqual(readGradients(path, 2), [JSON.parse(line(1))]);
    writeFileSync(path, `${line(1)}\n${line(2)}`);
    assert.equal(readGradients(path, 2)!.length, 2);
  });

  test('a damaged line and another number of classes are a StorageError that names the line', () => {
    writeFileSync(path, `${line(1)}\n{"epoch":2\n${line(3)}\n`);
    assert.throws(
      () => readGradients(path, 2),
      (error: StorageError) => error instanceof StorageError && error.where === `${path}:2`,
    );
    writeFileSync(path, `${line(1)}\n`);
    assert.throws(
      () => readGradients(path, 3),
      (error: StorageError) => error instanceof StorageError && error.where === `${path}:1`,
    );
  });
});
