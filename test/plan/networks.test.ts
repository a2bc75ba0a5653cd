/**
 * The train steps of the networks, compiled for GPUs that are not here. docs/benchmarks.md has the counts of kernels;
 * the budgets leave some room above them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetNames, targets } from '../../src/plan/gpus.js';
import { noGpuCompiler } from '../engine/xla/plugin.js';
import { describeUnless } from '../shared.js';
import { assertLean, assertSmall, compileFor, programNamed, programsOf } from './gpu.js';

const imageNet = ['train.mixup_alpha=0', 'data.augment=[]'];

describeUnless(noGpuCompiler, 'A train step compiles to lean kernels', () => {
  test('ResNet-32, batch 64, for an H200', async context => {
    const program = programNamed(programsOf('cifar100_lt/gala_if100'), 'train');
    assertLean(context, await compileFor('h200', program), { kernels: 350, stridedInputGradients: 2 });
  });

  // ResNet-20 has a block of each shape of ResNet-32.
  for (const target of targetNames.filter(name => name !== 'h200')) {
    test(`ResNet-20, batch 64, for ${targets[target].name}`, async context => {
      const precision = targets[target].capability < 80 ? 'fp32' : 'bf16';
      const program = programNamed(
        programsOf('cifar100_lt/gala_if100', ['model.backbone=resnet20'], precision),
        'train',
      );
      const factors = precision === 'bf16' ? 'bf16' : 'f32';
      // XLA fuses and splits by the GPU.
      const limits = { kernels: precision === 'bf16' ? 250 : 280, stridedInputGradients: 2 };
      assertLean(context, await compileFor(target, program), { ...limits, precision: factors });
    });
  }

  test('ResNet-50 at 224 × 224, batch 256, for an H200', async context => {
    const program = programNamed(programsOf('imagenet_lt/mixup_resnet50', imageNet), 'train');
    assertLean(context, await compileFor('h200', program), { kernels: 900, stridedInputGradients: 6 });
  });

  // XLA takes no convolution in groups for one backwards: the input gradients of three with strides stay convolutions
  // forwards
  test('ResNeXt-50, batch 64, for an H200', async context => {
    const set = [...imageNet, 'model.backbone=resnext50_32x4d', 'train.batch_size=64'];
    const program = programNamed(programsOf('imagenet_lt/mixup_resnet50', set), 'train');
    assertLean(context, await compileFor('h200', program), { stridedInputGradients: 3 });
  });
});

test('The text of a module does not grow with the batch: ResNet-50 at 64 and 1024 images', () => {
  const lengths = [64, 1024].map(batch => {
    const { module } = programNamed(
      programsOf('imagenet_lt/mixup_resnet50', [...imageNet, `train.batch_size=${batch}`]),
      'train',
    );
    assertSmall(module);
    return module.text.length;
  });
  assert.ok(lengths[1]! < 1.05 * lengths[0]!, `${lengths} bytes`);
});
