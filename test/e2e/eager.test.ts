/** `gala train` on the `eager` engine: checkpoints, a stop by signal, and resuming with the same bits. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { noAddon } from '../engine/eager/addon.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaSignalled } from './gala.js';
import { assertSameOutcome, checkpointOf, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };

test('A training with engine eager that SIGTERM stopped ends, resumed, with the bits of an unbroken one', {
  skip: noAddon,
}, async () => {
  const set = writeSmallSet(at('set'));
  const arguments_ = (output: string) => smallTraining(set, at(output), ['engine=eager', 'train.epochs=1']);
  await gala(arguments_('unbroken'), 0, options);
  const unbroken = onlyRun(at('unbroken'));
  assert.equal(recordOf(unbroken).engine.engine, 'eager');

  await galaSignalled('SIGTERM', '"type":"start"', [...arguments_('stopped'), '--json'], options);
  const stopped = onlyRun(at('stopped'));
  const { step } = checkpointOf(stopped, 'last').position;
  assert.ok(step > 0 && step < 39, `stopped after step ${step}`);

  await gala(['train', '--resume', stopped, '--data', set], 0, options);
  assert.equal(recordOf(stopped).status, 'finished');
  assertSameOutcome(stopped, unbroken);
});
