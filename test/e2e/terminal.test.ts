/** Output that nobody can read, and terminals that are closed or plain: the run goes on, or saves. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaBinary, packageRoot } from './gala.js';
import { assertSameOutcome, metricsOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const python = spawnSync('python3', ['-c', 'import os, pty; os.waitstatus_to_exitcode']).status === 0;
const needsPython = { skip: python ? false : 'no Python 3.9 to make a terminal with' };
let unbroken: string;

before(async () => {
  await gala(smallTraining(set, at('unbroken')), 0, options);
  unbroken = onlyRun(at('unbroken'));
});

/** Stdout and exit code of terminal.py. */
async function terminal(mode: string[], args: readonly string[], TERM = 'xterm'): Promise<[string, number | null]> {
  const script = join(packageRoot, 'test/e2e/terminal.py');
  const child = spawn('python3', [script, ...mode, process.execPath, galaBinary, ...args], {
    cwd: temporary,
    env: { ...process.env, TERM, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return new Promise(settle => child.on('close', code => settle([text, code])));
}

test('A run whose terminal is closed, but not its session, goes on in silence to its end', needsPython, async () => {
  const output = at('closed');
  const [exit] = await terminal(['closed', join(output, '*/*/*/run.json')], smallTraining(set, output));
  assert.equal(exit.trim(), '0');
  assertSameOutcome(onlyRun(output), unbroken);
});

test(
  'A run whose session ends with its terminal saves and ends with 129, and can be resumed',
  needsPython,
  async () => {
    const output = at('hungup');
    const [exit] = await terminal(['hungup', join(output, '*/*/*/run.json')], smallTraining(set, output));
    assert.equal(exit.trim(), '129');
    const run = onlyRun(output);
    assert.equal(recordOf(run).status, 'interrupted');
    await gala(['train', '--resume', run, '--data', set], 0, options);
    assertSameOutcome(run, unbroken);
  },
);

test('An error that cannot be printed ends with its own exit code', needsPython, async () => {
  const [exit] = await terminal(['closed', temporary], ['train', '--config', 'nothing']);
  assert.equal(exit.trim(), '2');
});

test('Streams on a full disk: the training goes on, a command that only prints ends with 4', async () => {
  const output = at('full');
  const toFull = ['bash', '-c', '"$@" > /dev/full 2>&1', 'bash'];
  await gala(smallTraining(set, output), 0, { ...options, under: toFull });
  assert.equal(metricsOf(onlyRun(output)).length, metricsOf(unbroken).length);
  const onlyStdout = ['bash', '-c', '"$@" > /dev/full', 'bash'];
  const shown = await gala(['config', 'list'], 4, { ...options, under: onlyStdout });
  assert.match(shown.stderr, /^error: The output could not be written: the disk is full\nwhere: standard output$/m);
  const plan = ['sweep', '--config', 'fashion_mnist_lt/gala', '--launcher', 'slurm', '--dry-run'];
  await gala(plan, 4, { ...options, under: onlyStdout });
  await gala(['config', 'list'], 0, { ...options, under: ['bash', '-c', '"$@" | head -c 1', 'bash'] });
  await gala(['config', 'list'], 0, { ...options, under: ['bash', '-c', '"$@" >&- 2>&-', 'bash'] });
});

test('A plain terminal gets lines without escape sequences, another one a bar', needsPython, async () => {
  for (const [term, expected] of [
    ['dumb', false],
    ['', false],
    ['xterm', true],
  ] as const) {
    const [text, code] = await terminal(['shown'], smallTraining(set, at(`term-${term}`), ['train.epochs=1']), term);
    assert.equal(code, 0, text);
    assert.match(text, /epoch 1\/1/);
    assert.equal(text.includes('\x1b'), expected, `TERM=${term}`);
  }
});
