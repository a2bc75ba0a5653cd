/** Train steps on several H200 that are not here: what they exchange, and how often the host has to launch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepOf } from '../../src/plan/hlo.js';
import { noGpuCompiler } from '../engine/xla/plugin.js';
import { describeUnless } from '../shared.js';
import { assertSmall, compileFor, programNamed, programsOf } from './gpu.js';

/** Exchanges of a step by kind. */
function exchanges(compiled: Awaited<ReturnType<typeof compileFor>>) {
  const opcodes = [...stepOf(compiled.hlo).values()].map(({ opcode }) => opcode.replace(/-start$/, ''));
  const count = (name: string) => opcodes.filter(opcode => opcode === name).length;
  return {
    reduced: count('all-reduce'),
    gathered: count('all-gather'),
    others: opcodes.filter(opcode => /^(all-to-all|collective-\w+|reduce-scatter)$/.test(opcode)),
  };
}

/** Of ResNet-20. */
const normalisations = 19;

describeUnless(noGpuCompiler, 'A train step of ResNet-20 on several H200', () => {
  for (const devices of [4, 8]) {
    const compiled = async (...set: string[]) => {
      const all = ['model.backbone=resnet20', `devices=${devices}`, ...set];
      return compileFor('h200', programNamed(programsOf('cifar100_lt/gala_if100', all), 'train'), devices);
    };

    test(`${devices}, statistics of each device: gradients travel together, and nothing else`, async context => {
      const step = await compiled(`model.batch_norm_parts=${devices}`);
      const { reduced, gathered, others } = exchanges(step);
      context.diagnostic(
        `${reduced} all-reduces, ${step.graphLaunches} graph launches, ${step.kernels.length} kernels`,
      );
      assert.ok(reduced <= 3, `${reduced} all-reduces`);
      assert.deepEqual([gathered, others], [0, []], `${gathered} all-gathers`);
      assert.ok(step.graphLaunches <= 5, `${step.graphLaunches} graph launches`);
      assertSmall(step.module);
    });

    test(`${devices}, statistics of the batch: one exchange a normalisation each way`, async context => {
      const step = await compiled();
      const { reduced, gathered, others } = exchanges(step);
      context.diagnostic(
        `${reduced} all-reduces, ${gathered} all-gathers, ${step.graphLaunches} graph launches, ` +
          `${step.kernels.length} kernels`,
      );
      assert.ok(reduced <= normalisations + 3, `${reduced} all-reduces, ${normalisations} normalisations`);
      assert.ok(gathered <= normalisations, `${gathered} all-gathers, ${normalisations} normalisations`);
      assert.deepEqual(others, []);
      assertSmall(step.module);
    });
  }
});
