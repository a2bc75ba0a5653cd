/** `gala train` on the `xla` engine through the CPU plugin: checkpoints, a stop by signal, resuming, many steps a call: the same bits. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { noPlugin } from '../engine/xla/plugin.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { expectExit, gala, startGala } from './gala.js';
import { assertSameOutcome, checkpointOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };

test('A training with --engine xla --device cpu, ten steps a call, that SIGTERM stopped ends, resumed, with the bits of an unbroken one step by step', {
  skip: noPlugin,
}, async () => {
  const set = writeSmallSet(at('set'));
  const arguments_ = (output: string, stepsPerCall: number) => [
    ...smallTraining(set, at(output), ['train.epochs=1', `train.steps_per_call=${stepsPerCall}`]),
    ...['--engine', 'xla', '--device', 'cpu'],
  ];
  await gala(arguments_('unbroken', 1), 0, options);
  const unbroken = onlyRun(at('unbroken'));

  const child = startGala([...arguments_('stopped', 10), '--json'], options);
  await child.printed(/"type":"start"/);
  child.kill('SIGTERM');
  expectExit(await child.finished, 143);
  const stopped = onlyRun(at('stopped'));
  const { step } = checkpointOf(stopped, 'last').position;
  assert.ok([10, 20, 30].includes(step), `stopped after step ${step}, which no call ends with`);

  await gala(['train', '--resume', stopped, '--data', set], 0, options);
  assert.equal(recordOf(stopped).status, 'finished');
  assertSameOutcome(stopped, unbroken);
});
