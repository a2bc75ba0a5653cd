/**
 * Training in micro-batches through the command line: stopped and resumed it ends as an unbroken run; scaled learning
 * rates are printed.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaSignalled } from './gala.js';
import { assertSameOutcome, metricsOf, onlyRun } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const overrides = ['train.accumulate=2', 'train.mixup_alpha=0.2', 'optim.reference_batch_size=4'];

test('A run in micro-batches that was stopped and resumed is an unbroken one, bit by bit', async () => {
  const { stderr } = await gala(smallTraining(set, at('whole'), overrides), 0, options);
  assert.match(
    stderr,
    /Learning rates times 2 \(train\.batch_size 8 \/ optim\.reference_batch_size 4\): learning_rate 0\.02 → 0\.04/,
  );
  await galaSignalled(
    'SIGTERM',
    '"type":"epoch"',
    [...smallTraining(set, at('stopped'), overrides), '--json'],
    options,
  );
  await gala(['train', '--resume', onlyRun(at('stopped')), '--data', set], 0, options);
  const [whole, stopped] = [onlyRun(at('whole')), onlyRun(at('stopped'))];
  assertSameOutcome(stopped, whole);
  assert.equal(metricsOf(whole)[0]!.learning_rate, 0.02); // the first epoch of the warm-up, 0.01 unscaled
});
