/** The first stage between processes: trained beside that of another seed, waited for, and stopped at its very end. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { expectExit, gala, startGala } from './gala.js';
import { onlyRun, recordOf, runFolders } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const killHook = `--import=${new URL('./killAt.js', import.meta.url)}`;
const interruptedAt = (moment: string) => ({
  environment: { GALA_KILL_AT: moment, GALA_KILL_WITH: 'SIGINT' },
  nodeOptions: [killHook],
});

const twoStages = (output: string, ...more: string[]) =>
  smallTraining(set, output, [
    'train.epochs=1',
    'stages.representation.name=first',
    'stages.classifier.train.epochs=1',
    ...more,
  ]);

test('while the first stage of one seed is trained', async t => {
  const output = at('seeds');
  const held = startGala([...twoStages(output), '--json'], options);
  await held.printed(/"type":"start"/);
  held.kill('SIGSTOP');

  await t.test('that of another seed is trained too', async () => {
    const { stderr } = await gala(twoStages(output, 'seed=1'), 0, options);
    assert.doesNotMatch(stderr, /waiting/);
    const [run, ...others] = runFolders(output);
    assert.deepEqual(others, []);
    assert.equal(recordOf(run!).seeds.run, 1);
    const stages = runFolders(output, 'first').map(folder => folder.slice(at('seeds/first/').length));
    assert.equal(stages.filter(name => /^\d{8}-\d{6}-[01]$/.test(name)).length, 2);
    assert.equal(stages.length, 2, 'two runs, and no lock: both have begun');
  });

  for (const [signal, exitCode] of [
    ['SIGUSR1', 138],
    ['SIGTERM', 143],
  ] as const) {
    await t.test(`${signal} ends a process that waits for it, with ${exitCode}`, async () => {
      const waiting = startGala(twoStages(output), options);
      await waiting.printed(/^First stage, first: another process trains it; waiting for it to end/m);
      waiting.kill(signal);
      const { stderr } = expectExit(await waiting.finished, exitCode);
      assert.match(stderr, new RegExp(`^${signal}: no longer waiting\\.$`, 'm'));
    });
  }

  await t.test('what its killed process leaves is in nobody’s way', async () => {
    held.kill('SIGKILL');
    await held.finished;
    await gala(twoStages(output), 0, options);
    assert.equal(runFolders(output, 'first').length, 2, 'two runs, and no lock');
  });
});

test('SIGINT at the end of the first stage ends the command; given again it trains the second', async () => {
  const output = at('end');
  const child = startGala(twoStages(output), { ...options, ...interruptedAt('after test-best.safetensors 1') });
  const { stderr } = expectExit(await child.finished, 130);
  assert.match(stderr, /^The first stage is finished, the second not begun\. Go on with: the same command$/m);
  assert.equal(recordOf(onlyRun(output, 'first')).status, 'finished');
  assert.ok(!existsSync(join(output, 'fashion_mnist_lt')));
  await gala(twoStages(output), 0, options);
  assert.equal(recordOf(onlyRun(output)).status, 'finished');
});
