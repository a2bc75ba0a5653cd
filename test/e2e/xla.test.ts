/**
 * `gala train` on the `xla` engine through the CPU plugin: checkpoints, a stop by signal, resuming, many steps a call:
 * the same bits; and four devices.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { noPlugin } from '../engine/xla/plugin.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaSignalled } from './gala.js';
import { assertSameOutcome, checkpointOf, metricsOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };

test('A training with --engine xla --device cpu, ten steps a call, that SIGTERM stopped ends, resumed, ' +
  'with the bits of an unbroken one step by step', {
  skip: noPlugin,
}, async () => {
  const set = writeSmallSet(at('set'));
  const arguments_ = (output: string, stepsPerCall: number) => [
    ...smallTraining(set, at(output), ['train.epochs=1', `train.steps_per_call=${stepsPerCall}`]),
    ...['--engine', 'xla', '--device', 'cpu'],
  ];
  await gala(arguments_('unbroken', 1), 0, options);
  const unbroken = onlyRun(at('unbroken'));

  await galaSignalled('SIGTERM', '"type":"start"', [...arguments_('stopped', 10), '--json'], options);
  const stopped = onlyRun(at('stopped'));
  const { step } = checkpointOf(stopped, 'last').position;
  assert.ok([10, 20, 30].includes(step), `stopped after step ${step}, which no call ends with`);

  await gala(['train', '--resume', stopped, '--data', set], 0, options);
  assert.equal(recordOf(stopped).status, 'finished');
  assertSameOutcome(stopped, unbroken);
});

test('A training on four devices has the losses of one, and ends with the same bits when SIGTERM stopped it', {
  skip: noPlugin,
}, async () => {
  const set = writeSmallSet(at('set of four'));
  const arguments_ = (output: string, devices: number) => [
    ...smallTraining(set, at(output), ['train.epochs=1', 'train.steps_per_call=13', `devices=${devices}`]),
    ...['--engine', 'xla', '--device', 'cpu'],
  ];
  await gala(arguments_('one', 1), 0, options);
  await gala(arguments_('four', 4), 0, options);
  const [one, four] = [onlyRun(at('one')), onlyRun(at('four'))];
  assert.deepEqual([recordOf(one).engine.devices ?? 1, recordOf(four).engine.devices], [1, 4]);
  const [lossOfOne, lossOfFour] = [one, four].map(run => metricsOf(run)[0]!.loss!);
  assert.ok(Math.abs(lossOfFour! / lossOfOne! - 1) < 0.01, `${lossOfOne} on one, ${lossOfFour} on four`);

  await galaSignalled('SIGTERM', '"type":"start"', [...arguments_('four stopped', 4), '--json'], options);
  const stopped = onlyRun(at('four stopped'));
  await gala(['train', '--resume', stopped, '--data', set], 0, options);
  assertSameOutcome(stopped, four);
});
