import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { StorageError } from '../../src/errors.js';
import { diskFault } from '../../src/io/faults.js';

test('the remedy fits the error of the system, and the path is named once', () => {
  let missing: unknown;
  try {
    readFileSync("/no/such place/it's gone");
  } catch (error) {
    missing = error;
  }
  const fault = diskFault('Could not read it', '/no/such place/gone', missing);
  assert.ok(fault instanceof StorageError);
  assert.equal(fault.message, 'Could not read it: there is no such file or folder');
  assert.equal(fault.where, '/no/such place/gone');
  assert.match(
    fault.next!,
    /^The folder \/no\/such place is not there: .* \(mkdir -p '\/no\/such place'\); if .* put it back\.$/,
  );
  assert.equal(diskFault('Could not read it', '/gone', missing).next, 'Check the path.');
  assert.equal(fault.cause, missing);
});

test('an error of another kind has a remedy too', () => {
  const fault = diskFault('Could not write it', '/no', new Error('only 3 of 9 bytes went to disk'));
  assert.equal(fault.message, 'Could not write it: only 3 of 9 bytes went to disk');
  assert.match(fault.next!, /free space and permissions/);
});
