/**
 * SIGINT and SIGTERM: the step ends, everything is saved, the exit code says which signal, and resuming loses nothing.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, galaSignalled, startGala } from './gala.js';
import {
  assertSameOutcome,
  checkpointOf,
  filesIn,
  metricsOf,
  onlyRun,
  recordOf,
  runFolders,
  untimed,
} from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
const stepsPerEpoch = 39;
let unbroken: string;

before(async () => {
  await gala(smallTraining(set, at('unbroken')), 0, options);
  unbroken = onlyRun(at('unbroken'));
});

test(
  'SIGTERM, then SIGINT after resuming, stop in the middle of an epoch; resumed, the run ends with the ' +
    'bits of an unbroken one',
  async t => {
    const output = at('stopped');

    await t.test('SIGTERM in the first epoch: exit 143, the state of that step saved, status interrupted', async () => {
      const { stderr } = await galaSignalled(
        'SIGTERM',
        '"type":"start"',
        [...smallTraining(set, output), '--json'],
        options,
      );
      const run = onlyRun(output);
      assert.match(stderr, /^SIGTERM: finishing the step and saving; once more to stop at once\.$/m);
      assert.ok(stderr.includes(`Stopped and saved. Go on with: gala train --resume ${run}\n`));
      assert.equal(recordOf(run).status, 'interrupted');
      assert.equal(recordOf(run).epoch, 0);
      const { epoch, step } = checkpointOf(run, 'last').position;
      assert.equal(epoch, 1);
      assert.ok(step > 0 && step < stepsPerEpoch, `stopped after step ${step}`);
      assert.ok(!existsSync(join(run, 'metrics.jsonl')) && !existsSync(join(run, 'table.csv')));
      assert.deepEqual(
        filesIn(run).filter(file => /\.tmp$|lock/.test(file)),
        [],
      );
    });

    const run = onlyRun(output);
    await t.test(
      'SIGINT in the second epoch of the resumed run: exit 130, the first epoch is as in the unbroken run',
      async () => {
        const { step } = checkpointOf(run, 'last').position;
        const { stdout, stderr } = await galaSignalled(
          'SIGINT',
          '"type":"epoch","epoch":1,',
          ['train', '--resume', run, '--data', set, '--json'],
          options,
        );
        assert.match(stdout, new RegExp(`^{"type":"start",.*"epoch":1,"step":${step}}$`, 'm'));
        assert.match(stderr, /^SIGINT: finishing the step/m);
        assert.equal(recordOf(run).status, 'interrupted');
        const { position } = checkpointOf(run, 'last');
        assert.equal(position.epoch, 2);
        assert.ok(position.step > 0 && position.step < stepsPerEpoch, `stopped after step ${position.step}`);
        assert.deepEqual(metricsOf(run).map(untimed), metricsOf(unbroken).slice(0, 1).map(untimed));
      },
    );

    await t.test('resumed to its end', async () => {
      const { stderr } = await gala(['train', '--resume', run, '--data', set], 0, options);
      assert.match(stderr, /^Going on at epoch 2, step \d+\.$/m);
      assertSameOutcome(run, unbroken);
      const record = recordOf(run);
      assert.equal(record.status, 'finished');
      assert.deepEqual(
        record.resumes.map(resume => resume.from_epoch),
        [0, 1],
      );
      const trained = metricsOf(run).map(metrics => metrics.training_seconds!);
      assert.ok(trained[0]! <= trained[1]! && trained[1]! <= trained[2]!, 'seconds add up over resumes');
    });
  },
);

test('A second signal stops at once, by the signal itself, and the run can still be resumed', async () => {
  // One step an epoch, so long that the second signal comes before its end.
  const output = at('twice');
  const child = startGala(
    [
      'train',
      '--config',
      'fashion_mnist_lt/gala',
      '--output',
      output,
      '--json',
      '--set',
      'train.batch_size=1236',
    ].concat('precision=fp32', 'threads=1'),
    options,
  );
  await child.printed(/"type":"start"/);
  child.kill('SIGTERM');
  await child.printed(/SIGTERM: finishing the step/);
  child.kill('SIGTERM');
  const { code, signal, stderr } = await child.finished;
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGTERM' }, stderr);
  const run = onlyRun(output);
  assert.deepEqual(filesIn(join(run, 'checkpoints')), [], 'nothing was saved');
  assert.equal(recordOf(run).status, 'running');

  await galaSignalled('SIGKILL', '"type":"start"', ['train', '--resume', run, '--json'], options);
  assert.equal(recordOf(run).resumes.length, 1);
});

test(
  'SIGUSR1 saves and ends with 138; --continue goes on with that very run to the bits of an unbroken ' +
    'one, then shows it',
  async t => {
    const output = at('preempted');
    const continued = [...smallTraining(set, output), '--continue'];
    const { stderr } = await galaSignalled('SIGUSR1', '"type":"start"', [...continued, '--json'], options);
    assert.match(stderr, /^SIGUSR1: finishing the step and saving\.$/m);
    assert.equal(recordOf(onlyRun(output)).status, 'interrupted');

    await gala(continued, 0, options);
    assertSameOutcome(onlyRun(output), unbroken);
    assert.equal(recordOf(onlyRun(output)).resumes.length, 1);

    await t.test('a third time there is nothing to train', async () => {
      const { stdout } = await gala(continued, 0, options);
      assert.match(stdout, /re-balanced/);
      assert.equal(recordOf(onlyRun(output)).resumes.length, 1);
    });

    await t.test('--resume beside it is a usage error', async () => {
      const { stderr } = await gala([...continued, '--resume'], 2, options);
      assert.match(stderr, /--continue.*cannot be used with.*--resume/);
    });
  },
);

test(
  'SIGINT ends quickstart in its first training, does not begin the second, and gives a command that ' + 'goes on',
  async () => {
    const output = at('my runs');
    const { stderr } = await galaSignalled('SIGINT', 'epoch  1/20', ['quickstart', '--output', output], options);
    const run = onlyRun(output, 'fashion_mnist_lt/cross_entropy');
    assert.equal(recordOf(run).status, 'interrupted');
    assert.deepEqual(runFolders(output), []);
    assert.ok(stderr.includes(`Stopped and saved. Go on with: gala train --resume '${run}'\n`), stderr);
  },
);
