/** Commands that messages give: they name the folder of the runs where it is not the usual one. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { resumeFromAnywhere, sweepCommand } from '../../src/sweep/command.js';

const sweepIn = (output: string) => ({ manifest: { name: 'lambda1' }, output: resolve(output) });

test('The usual folder is left out, one below the working folder is relative, others are absolute', () => {
  const optionsOf = (output: string) =>
    sweepCommand('status', sweepIn(output)).replace('gala sweep status lambda1', '');
  assert.equal(optionsOf('runs'), '');
  assert.equal(optionsOf(join(process.cwd(), 'runs')), '');
  assert.equal(optionsOf('other/runs'), ' --runs other/runs');
  assert.equal(optionsOf('.'), ' --runs .');
  assert.equal(optionsOf('/data/runs'), ' --runs /data/runs');
  assert.equal(optionsOf('..'), ` --runs ${resolve('..')}`);
  assert.equal(optionsOf("it's mine"), " --runs 'it'\\''s mine'");
});

test('For a reader who may be anywhere the folder is absolute', () => {
  assert.equal(resumeFromAnywhere(sweepIn('runs')), `gala sweep resume lambda1 --runs ${resolve('runs')}`);
});
