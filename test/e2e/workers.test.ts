/**
 * Worker threads that die, run out of memory or hang, and a slow disk: a typed error or patience, never a silent stop.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, expectExit, type Finished, gala, startGala } from './gala.js';
import { assertSameOutcome, onlyRun, recordOf } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
let unbroken: string;

before(async () => {
  await gala(smallTraining(set, at('unbroken')), 0, options);
  unbroken = onlyRun(at('unbroken'));
});

/** A training with two data workers under a fault, which the watchdog waits a second for. */
function trainUnder(fault: string, output: string): Promise<Finished> {
  return startGala(smallTraining(set, output, ['data.workers=2']), {
    ...options,
    nodeOptions: ['--import', join(import.meta.dirname, 'provokeFault.js')],
    environment: { GALA_FAULT: fault, GALA_WATCHDOG_SECONDS: '1' },
  }).finished;
}

const faults: [fault: string, message: RegExp, next: RegExp][] = [
  ['worker dies', /^A worker thread that prepares batches ended: it exited with code 1$/, /data\.workers to 0/],
  [
    'worker exhausts memory',
    /^A worker thread that prepares batches ran out of memory\.$/,
    /data\.workers or train\.batch_size/,
  ],
  ['worker hangs', /^A batch was not ready after 10 seconds\.$/, /disk.*GALA_WATCHDOG_SECONDS/],
];

for (const [fault, message, next] of faults) {
  test(`A ${fault}: exit 4 with what to do; resumed, the run ends with the bits of an unbroken one`, async () => {
    const output = at(fault);
    const failed = expectExit(await trainUnder(fault, output), 4);
    const run = onlyRun(output);
    assert.match(errorOf(failed).message, message);
    assert.match(errorOf(failed).next, next);
    assert.ok(errorOf(failed).next.endsWith(`To go on with this run: gala train --resume '${run}'`));
    if (fault === 'worker hangs') {
      assert.match(failed.stderr, /^Still waiting for batch \d+ of epoch 1 from the data workers \(1 s\)\.$/m);
    }
    assert.equal(recordOf(run).status, 'failed');
    await gala(['train', '--resume', run, '--data', set], 0, options);
    assertSameOutcome(run, unbroken);
  });
}

test(
  'A disk that takes three seconds for a file: the watchdog names the file, and the run goes on to the ' + 'same bits',
  async () => {
    const output = at('slow');
    const { stderr } = expectExit(await trainUnder('disk is slow last.safetensors 3', output), 0);
    const run = onlyRun(output);
    assert.ok(
      stderr.includes(`Still waiting for ${join(run, 'checkpoints', 'last.safetensors')} to be written (1 s).`),
      stderr,
    );
    assertSameOutcome(run, unbroken);
  },
);
