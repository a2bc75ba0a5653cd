/** A training with AdamW that is interrupted and goes on: its steps are counted by the position in training. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaSignalled } from './gala.js';
import { checkpointOf, onlyRun } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const settings = ['optim.name=adamw', 'optim.weight_decay=0.01', 'optim.learning_rate=0.002'];

test('A resumed training with AdamW ends with the bits of an unbroken one', async () => {
  await gala(smallTraining(set, at('whole'), settings), 0, options);
  await galaSignalled('SIGTERM', '"type":"epoch"', [...smallTraining(set, at('broken'), settings), '--json'], options);
  const run = onlyRun(at('broken'));
  assert.ok(checkpointOf(run, 'last').position.epoch < 4, 'it was interrupted before its end');
  await gala(['train', '--resume', run, '--data', set], 0, options);
  const [whole, resumed] = [onlyRun(at('whole')), run].map(folder => checkpointOf(folder, 'last').tensors);
  assert.deepEqual(resumed, whole);
  assert.ok('momentum.first.classifier.weight' in whole! && 'momentum.second.classifier.weight' in whole!);
});
