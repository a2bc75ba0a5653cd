import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { errorOf, gala } from '../e2e/gala.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { writeExampleRun } from './exampleRuns.js';

const cwd = temporaryFolder();
const one = writeExampleRun(cwd, { name: 'set/gala' }).directory;
const two = writeExampleRun(cwd, { name: 'set/other' }).directory;

describe('gala report', () => {
  test('of one run it writes report.html into the run folder, the same bytes each time', async () => {
    const { stderr, stdout } = await gala(['report', one], 0, { cwd });
    assert.match(stderr, /^Written: .*report\.html$/m);
    assert.equal(stdout, '');
    const first = readFileSync(join(one, 'report.html'), 'utf8');
    assert.match(first, /^<!doctype html>/);
    await gala(['report', one, '--output', 'again.html'], 0, { cwd });
    assert.equal(readFileSync(join(cwd, 'again.html'), 'utf8'), first);
  });

  test('of several runs it writes report.html here', async () => {
    await gala(['report', one, two], 0, { cwd });
    assert.match(readFileSync(join(cwd, 'report.html'), 'utf8'), /<title>gala and other compared/);
  });

  test('of a folder it takes the finished runs, names the others and writes report.html here', async () => {
    rmSync(join(cwd, 'report.html'));
    const { directory, record } = writeExampleRun(cwd, { name: 'set/stopped' });
    const content = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...content, status: 'interrupted' }));
    const { stderr } = await gala(['report', 'set'], 0, { cwd });
    assert.match(stderr, new RegExp(`^Not in the report: ${relative(cwd, directory)}: it is not finished$`, 'm'));
    assert.match(readFileSync(join(cwd, 'report.html'), 'utf8'), /<title>gala and other compared/);
  });

  test('a folder that is no run ends with exit code 4 and names the folder, no folder at all with 2', async () => {
    const empty = join(cwd, 'empty');
    mkdirSync(empty);
    const { message, where } = errorOf(await gala(['report', empty], 4, { cwd }));
    assert.match(message, /^This is not a run folder/);
    assert.equal(where, empty);
    await gala(['report'], 2, { cwd });
  });
});
