/** Every kind of program that a training runs, compiled for an H200 that is not here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { plannedPrograms } from '../../src/plan/programs.js';
import { noGpuCompiler } from '../engine/xla/plugin.js';
import { describeUnless } from '../shared.js';
import { assertLean, assertOneGraph, assertSmall, compileFor, programNamed, programsOf } from './gpu.js';

describeUnless(noGpuCompiler, 'For an H200', () => {
  test('a step with mixup compiles to lean kernels', async context => {
    const program = programNamed(programsOf('cifar100_lt/mixup_if100', ['model.backbone=resnet20']), 'train');
    assertLean(context, await compileFor('h200', program), { kernels: 260, stridedInputGradients: 2 });
  });

  test('a step in four micro-batches does', async context => {
    const set = ['model.backbone=resnet20', 'train.accumulate=4'];
    const program = programNamed(programsOf('cifar100_lt/gala_if100', set), 'train');
    assertLean(context, await compileFor('h200', program), { kernels: 330, stridedInputGradients: 2 });
  });

  test('a step with a frozen backbone, by images and by features, does', async context => {
    for (const config of ['cifar100_lt/two_stage_if100', 'cifar100_lt/crt_if100']) {
      const program = programNamed(programsOf(config, []), 'train');
      assertLean(context, await compileFor('h200', program), { kernels: 170 });
    }
  });

  test('an evaluation is one graph of calls of cuDNN in bf16', async context => {
    const compiled = await compileFor('h200', programNamed(programsOf('cifar100_lt/gala_if100'), 'eval'));
    const { kernels, convolutions, otherConvolutions, module } = compiled;
    context.diagnostic(`${kernels.length} kernels, ${convolutions.length} convolutions`);
    assert.deepEqual(otherConvolutions, []);
    assert.equal(convolutions.filter(({ precision }) => precision === 'bf16').length, 31);
    assert.ok(kernels.length <= 130, `${kernels.length} kernels, budget 130`);
    assertOneGraph(compiled);
    assertSmall(module);
  });
});

/** XLA makes no CUDA graph of so few kernels, and then writes its list of launches only once. */
test('An evaluation of features is compiled for an H200, and its launches are counted', {
  skip: noGpuCompiler,
}, async () => {
  const compiled = await compileFor('h200', programNamed(programsOf('cifar100_lt/crt_if100'), 'eval'));
  assert.equal(compiled.graphLaunches, 0);
  assert.ok(compiled.launchesOutsideGraphs > 0, `${compiled.launchesOutsideGraphs} launches`);
});

/** On features, for what differs is behind the network. */
describeUnless(noGpuCompiler, 'For an H200 a step of the classifier is lean with the loss', () => {
  for (const name of [
    ...['cross_entropy', 'label_smoothing', 'focal', 'class_balanced', 'ldam_drw', 'balanced_softmax'],
    ...['logit_adjustment', 'gala', 'gala_paper', 'gala_normalized'],
  ]) {
    test(name, async context => {
      const { config } = loadConfig(`cifar100_lt/${name}_if100`);
      const features = {
        ...config,
        freeze: { backbone: true, batch_stats: true },
        data: { ...config.data, augment: [] },
      };
      const program = programNamed(plannedPrograms(features, 'bf16'), 'train');
      assertLean(context, await compileFor('h200', program), { kernels: 25 });
    });
  }
});

test('The programs of a config are those that its training runs', () => {
  const names = (config: string, set: string[] = []) => programsOf(config, set).programs.map(({ name }) => name);
  assert.deepEqual(names('cifar100_lt/gala_if100'), ['train', 'eval']);
  assert.deepEqual(names('cifar100_lt/crt_if100'), ['train', 'eval', 'features']);
  assert.deepEqual(names('cifar100_lt/tau_norm_if100'), ['eval', 'features']);
  const { config } = loadConfig('cifar100_lt/gala_if100', { set: ['train.accumulate=4'] });
  const [train, evaluation] = plannedPrograms(config, 'fp32').programs;
  assert.deepEqual([train!.batch, train!.stepsPerCall], [16, 4 * 169]);
  assert.deepEqual([evaluation!.batch, evaluation!.stepsPerCall], [500, 20]);
});
