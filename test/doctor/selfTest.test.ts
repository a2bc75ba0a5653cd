/**
 * The doctor's self-test: its known numbers on every engine here, and what it says of engines that are wrong, broken or
 * crash.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { knownLosses, selfTest, selfTestInProcess, tolerance } from '../../src/doctor/selfTest.js';
import { threads } from '../engine/compute.js';
import { noAddon } from '../engine/eager/addon.js';
import { compileLibrary, noCompiler } from '../engine/sharedLibrary.js';
import { noPlugin } from '../engine/xla/plugin.js';
import { temporaryFolder } from '../temporaryFolder.js';

const temporary = temporaryFolder();

test('The known losses fall, so that a step that changes nothing cannot pass', () => {
  const [first, second, third] = knownLosses;
  assert.ok(first! > second! * (1 + 10 * tolerance) && second! > third! * (1 + 10 * tolerance), knownLosses.join());
});

for (const [engine, skip] of [
  ['tensorflow', false],
  ['xla', noPlugin],
  ['eager', noAddon],
] as const) {
  test(`The engine ${engine} computes the known losses to a tenth of the tolerance`, { skip }, async context => {
    const { passed, error, losses } = await selfTest({ engine, precision: 'fp32', threads }, { timed: false });
    context.diagnostic(`${losses.join(', ')}; error ${error}`);
    assert.ok(passed);
    assert.ok(error <= tolerance / 10, `${error}`);
  });
}

describe('In a process of its own', () => {
  const settings = { engine: 'xla', precision: 'fp32', threads } as const;
  const withPlugin = async (path: string) => {
    const before = process.env.GALA_PJRT_PLUGIN;
    process.env.GALA_PJRT_PLUGIN = path;
    try {
      return await selfTestInProcess(settings);
    } finally {
      if (before === undefined) delete process.env.GALA_PJRT_PLUGIN;
      else process.env.GALA_PJRT_PLUGIN = before;
    }
  };

  test('an engine that cannot be loaded is a failure with its place and remedy', async () => {
    const outcome = await withPlugin('/nowhere/plugin.so');
    assert.ok(!outcome.passed && 'failure' in outcome);
    assert.match(outcome.failure, /does not exist\. \(\/nowhere\/plugin\.so\)/);
    assert.match(outcome.next!, /gala engine install --xla-cpu/);
  });

  test('an engine that crashes is a failure that names the signal', { skip: noCompiler }, async () => {
    const crashing = compileLibrary(
      join(temporary, 'crashing.so'),
      '#include <signal.h>\nvoid* GetPjrtApi(void) { raise(SIGILL); return 0; }',
    );
    const outcome = await withPlugin(crashing);
    assert.ok(!outcome.passed && 'failure' in outcome);
    assert.match(outcome.failure, /crashed with SIGILL/);
  });
});
