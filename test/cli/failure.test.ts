import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { CommandExit, describeError, exitCodeOf } from '../../src/cli/failure.js';
import { ConfigError, DataError, DivergedError, EngineError, GalaError, StorageError } from '../../src/errors.js';

test('a typed error is three lines: what, where, next', () => {
  const error = new DataError('A file is cut short.', { where: '/data/train.bin', next: 'Fetch it again.' });
  assert.equal(
    describeError(error, false),
    'error: A file is cut short.\nwhere: /data/train.bin\nnext:  Fetch it again.\n',
  );
  const own = describeError(new GalaError('Only this.'), false);
  assert.match(own, /^error: Only this\.\nnext: {2}This is a fault in gala: please report it /);
});

test('with --debug the stack follows, and that of the cause', () => {
  const error = new StorageError('Could not write.', { next: 'Wait.', cause: new RangeError('the cause') });
  const text = describeError(error, true);
  assert.match(text, /^error: Could not write\.\nnext: {2}Wait\.\nStorageError: Could not write\.\n {4}at /);
  assert.match(text, /caused by: RangeError: the cause\n {4}at /);
});

test('an unexpected error is one line that names --debug', () => {
  assert.equal(
    describeError(new TypeError('x is not a function\nmore'), false),
    'error: unexpected: x is not a function (run it again with --debug for details)\n',
  );
  assert.equal(describeError('thrown text', true), 'error: unexpected: thrown text\n');
});

test('a failed file operation that nobody caught has its path, a remedy and exit code 4', () => {
  try {
    readFileSync('/nowhere/file');
  } catch (error) {
    assert.match(
      describeError(error, false),
      /^error: A file could not be used: there is no such file or folder\nwhere: \/nowhere\/file\nnext: {2}The folder \/nowhere is not there: /,
    );
    assert.equal(exitCodeOf(error), 4);
    return;
  }
  assert.fail('the file is there');
});

test('the exit code is that of the type of error', () => {
  const cases: [unknown, number][] = [
    [new GalaError(''), 1],
    [new ConfigError(''), 2],
    [new DivergedError(''), 3],
    [new DataError(''), 4],
    [new StorageError(''), 4],
    [new EngineError(''), 5],
    [new CommandExit(130), 130],
    [new CommanderError(1, 'commander.unknownOption', ''), 2],
    [new CommanderError(0, 'commander.helpDisplayed', ''), 0],
    [new Error(''), 1],
  ];
  for (const [error, code] of cases) assert.equal(exitCodeOf(error), code);
});

test('a command that ends with a code of its own prints nothing more', () => {
  assert.equal(describeError(new CommandExit(143), true), '');
});
