/** SIGHUP: nothing to what was started with nohup; anything else saves, however often it comes. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { expectExit, gala, startGala } from './gala.js';
import { assertSameOutcome, onlyRun, recordOf, runFolders } from './outcome.js';
import { smallConfig, smallTraining, writeSmallSet } from './smallSet.js';
import { until } from './until.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const set = writeSmallSet(at('set'));
let unbroken: string;

before(async () => {
  await gala(smallTraining(set, at('unbroken')), 0, { cwd: temporary });
  unbroken = onlyRun(at('unbroken'));
});

/** Starts gala from a script, as `<start> gala … > log 2>&1 &`; the exit code is that of gala. */
function startInScript(start: string, args: readonly string[], cwd: string) {
  mkdirSync(cwd);
  // Its parent is a shell without SIGHUP ignored, whatever this test was started by.
  const script = `${start} "$@" > log 2>&1 & echo $! > pid; wait $!`;
  const under = ['env', '--default-signal=HUP', 'bash', '-c', script, 'bash'];
  const { finished } = startGala(args, { cwd, under });
  const send = (signal: NodeJS.Signals) => process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), signal);
  return { finished, send, log: () => readFileSync(join(cwd, 'log'), 'utf8') };
}

/** Once a run below the folder has its record. */
const begun = (output: string) => until(() => existsSync(output) && runFolders(output).some(hasRecord));
const hasRecord = (run: string) => existsSync(join(run, 'run.json'));

test('A training under nohup, or in a script under it, goes on through SIGHUP', async () => {
  for (const [name, start] of [
    ['nohup', 'nohup'],
    ['script', 'nohup bash -c \'"$@"; exit $?\' bash'],
  ] as const) {
    const output = join(at(name), 'runs');
    const child = startInScript(start, smallTraining(set, output), at(name));
    await begun(output);
    process.kill(lockPidOf(output), 'SIGHUP');
    expectExit(await child.finished, 0);
    assert.doesNotMatch(child.log(), /SIGHUP/);
    assertSameOutcome(onlyRun(output), unbroken);
  }
});

test('Without nohup SIGHUP saves, exit 129; a second one changes nothing', async () => {
  const output = join(at('plain'), 'runs');
  const child = startInScript('', smallTraining(set, output), at('plain'));
  await begun(output);
  child.send('SIGHUP');
  child.send('SIGHUP');
  expectExit(await child.finished, 129);
  assert.match(child.log(), /^SIGHUP: finishing the step and saving\.$/m);
  const run = onlyRun(output);
  assert.equal(recordOf(run).status, 'interrupted');
  await gala(['train', '--resume', run, '--data', set], 0, { cwd: temporary });
  assertSameOutcome(run, unbroken);
});

test('SIGTERM after SIGHUP saves too, and its exit code counts', async () => {
  const output = join(at('both'), 'runs');
  const child = startInScript('', smallTraining(set, output), at('both'));
  await begun(output);
  child.send('SIGHUP');
  child.send('SIGTERM');
  expectExit(await child.finished, 143);
  assert.equal(recordOf(onlyRun(output)).status, 'interrupted');
});

test('A sweep under nohup goes on; without, its runs save and it ends with 129', async () => {
  for (const [start, exitCode, status] of [
    ['nohup', 0, 'finished'],
    ['', 129, 'interrupted'],
  ] as const) {
    const folder = at(`sweep-${status}`);
    const output = join(folder, 'runs');
    const args = ['sweep', ...smallConfig(), '--no-estimate', '--data', set, '--output', output];
    const child = startInScript(start, args, folder);
    await begun(output);
    child.send('SIGHUP');
    child.send('SIGHUP');
    expectExit(await child.finished, exitCode);
    assert.equal(recordOf(onlyRun(output)).status, status, child.log());
  }
});

/** The pid of the process that holds the only run, from the name of its lock. */
function lockPidOf(output: string): number {
  const lock = readdirSync(onlyRun(output)).find(name => name.startsWith('.lock-'));
  return Number(/^\.lock-(\d+)-/.exec(lock!)![1]);
}
