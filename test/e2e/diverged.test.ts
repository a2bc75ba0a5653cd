/** A training that diverges: exit code 3, the batch is named, and what was good before is still there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';
import { checkpointOf, csvOf, filesIn, metricsOf, onlyRun, recordOf } from './outcome.js';
import { smallTestImages, smallTraining, smallTrainingImages, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const options = { cwd: temporary };
const set = writeSmallSet(join(temporary, 'set'));
// The first epoch takes the warm-up rate and goes well, the second the full one.
const overrides = ['optim.learning_rate=1e3', 'optim.warmup_epochs=2', 'eval.every=5', 'eval.select_on=last'];

test(
  'A diverging training exits with 3 and names epoch, step and images; the last good checkpoint can be ' + 'evaluated',
  async t => {
    const failed = await gala(smallTraining(set, join(temporary, 'runs'), overrides), 3, options);
    const run = onlyRun(join(temporary, 'runs'));

    await t.test('the message', () => {
      const { message, where, next } = errorOf(failed);
      assert.match(message, /^The loss became (NaN|-?Infinity)\.$/);
      const [, step, indices] = /^epoch 2, step (\d+), training images ((?:\d+ ){7}\d+)$/.exec(where)!;
      assert.ok(Number(step) >= 1 && Number(step) <= 39);
      const images = indices!.split(' ').map(Number);
      assert.equal(new Set(images).size, 8, 'a batch of eight different images');
      assert.ok(images.every(index => index < smallTrainingImages));
      assert.match(next, /learning_rate/);
      assert.doesNotMatch(failed.stderr, / at .*\.js:\d+/, 'no stack trace');
    });

    await t.test('with several steps a call it is the same one', async () => {
      const inCalls = [...overrides, 'train.steps_per_call=7'];
      assert.equal(
        errorOf(await gala(smallTraining(set, join(temporary, 'calls'), inCalls), 3, options)).where,
        errorOf(failed).where,
      );
    });

    await t.test('run.json says diverged and why', () => {
      const { status, failure, epoch, results } = recordOf(run);
      assert.equal(status, 'diverged');
      assert.equal(failure, errorOf(failed).message);
      assert.equal(epoch, 1);
      assert.deepEqual(results, []);
      assert.equal(metricsOf(run).length, 1);
    });

    await t.test('the checkpoint of epoch 1 is finite', async () => {
      assert.deepEqual(filesIn(join(run, 'checkpoints')), ['last.safetensors']);
      const { tensors, position } = checkpointOf(run, 'last');
      assert.equal(position.epoch, 2);
      for (const [name, { data }] of Object.entries(tensors)) assert.ok(data.every(Number.isFinite), name);
    });

    await t.test('commands on finished runs say that it diverged, and not how to go on with it', async () => {
      for (const command of [['table'], ['results', 'add'], ['report'], ['train', '--resume']]) {
        const { message, next } = errorOf(await gala([...command, run], 3, options));
        assert.match(message, /^This run has diverged already: The loss became/, command.join(' '));
        assert.match(next, /change it, such as optim\.learning_rate/);
      }
    });

    await t.test('and gala eval takes it', async () => {
      const { stdout } = await gala(['eval', '--run', run, '--data', set, '--format', 'json'], 0, options);
      const [plain] = JSON.parse(stdout) as { top1: number; checkpoint: string; epoch: number }[];
      assert.deepEqual([plain!.checkpoint, plain!.epoch], ['last', 1]);
      assert.ok(plain!.top1 >= 0 && plain!.top1 <= 100);
      assert.equal(csvOf(run, 'eval/test-last-epoch1/predictions.csv').length, smallTestImages);
    });
  },
);

test('Weights that only the evaluation finds too large are a divergence too, and are not trained again', async () => {
  // One step an epoch, so that no later loss tells: the second epoch's step takes the full rate.
  const oneStep = [...overrides, `train.batch_size=${smallTrainingImages}`, 'optim.learning_rate=1e6', 'eval.every=1'];
  const training = smallTraining(set, join(temporary, 'evaluated'), oneStep);
  const failed = await gala(training, 3, options);
  const run = onlyRun(join(temporary, 'evaluated'));
  const { message, where, next } = errorOf(failed);
  assert.equal(message, 'The logits of the test images are no longer finite.');
  assert.equal(where, 'evaluation after epoch 2');
  assert.equal(
    next,
    `Lower optim.learning_rate; the last good checkpoint is ${join(run, 'checkpoints/last.safetensors')}.`,
  );
  const { status, failure, epoch } = recordOf(run);
  assert.deepEqual([status, failure, epoch], ['diverged', message, 1]);
  assert.equal(metricsOf(run).length, 1);
  assert.equal(checkpointOf(run, 'last').position.epoch, 2);
  const again = await gala([...training, '--continue'], 3, options);
  assert.match(errorOf(again).message, /^This experiment has diverged already: The logits of the test images/);
});
