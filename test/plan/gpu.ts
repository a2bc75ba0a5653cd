/** Programs compiled for a GPU that is not here, and what every training step must look like then. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { loadPlugin, type Pjrt } from '../../src/engine/pjrt/cApi.js';
import type { Precision } from '../../src/engine/program.js';
import type { Module } from '../../src/engine/stablehlo/lower.js';
import type { TracedProgram } from '../../src/engine/trace/ir.js';
import { type CompiledProgram, compileProgram } from '../../src/plan/compile.js';
import { type TargetName, targets } from '../../src/plan/gpus.js';
import { type PlannedPrograms, plannedPrograms } from '../../src/plan/programs.js';
import { gpuCompiler } from '../engine/xla/plugin.js';

let api: Pjrt | undefined;
export function plugin(): Pjrt {
  api ??= loadPlugin(gpuCompiler!);
  return api;
}

export interface Compiled extends CompiledProgram {
  readonly traced: TracedProgram;
  readonly module: Module;
}

export async function compileFor(
  target: TargetName,
  { traced, module }: { readonly traced: TracedProgram; readonly module: Module },
  devices = 1,
): Promise<Compiled> {
  return { ...(await compileProgram(plugin(), targets[target], module.text, devices)), traced, module };
}

/** The programs of a config, or of the first stage of one that has two where `stage` says so. */
export function programsOf(config: string, set: string[] = [], precision: Precision = 'bf16'): PlannedPrograms {
  return plannedPrograms(loadConfig(config, { set }).config, precision);
}

export function programNamed({ programs }: PlannedPrograms, name: string) {
  return programs.find(program => program.name === name)!.lower();
}

export interface StepLimits {
  readonly precision?: 'bf16' | 'f32';
  readonly kernels?: number;
  /** Input gradients of convolutions with strides, which are to be backward-input convolutions. */
  readonly stridedInputGradients?: number;
}

/** Asserts what holds for every training step, and tells the figures. */
export function assertLean(
  context: TestContext,
  compiled: Compiled,
  { precision = 'bf16', kernels: budget = Number.POSITIVE_INFINITY, stridedInputGradients = 0 }: StepLimits = {},
): void {
  const { kernels, convolutions, hlo, module, traced } = compiled;
  const count = (kind: string) => kernels.filter(kernel => kernel.kind === kind).length;
  const megabytes = (kernels.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0);
  context.diagnostic(
    `${kernels.length} kernels, ${convolutions.length} convolutions, ${count('reduction')} reductions ` +
      `(${compiled.singleBlockReductions} on one block), ${megabytes} MB, compiled in ` +
      `${compiled.seconds.toFixed(1)} s`,
  );
  assert.ok(kernels.length <= budget, `${kernels.length} kernels, budget ${budget}`);
  assert.equal(count('sort'), 0, `${count('sort')} sorts`);
  assert.equal(count('scatter'), 0, `${count('scatter')} scatters`);
  assert.deepEqual(compiled.otherConvolutions, [], `${compiled.otherConvolutions.length} convolutions outside cuDNN`);
  const others = convolutions.filter(convolution => convolution.precision !== precision).length;
  assert.equal(others, 0, `${others} of ${convolutions.length} convolutions not in ${precision}`);
  const filterGradients = traced.nodes.filter(({ kernel }) => /Conv2DBackpropFilter$/.test(kernel)).length;
  const recognised = convolutions.filter(({ direction }) => direction === 'backward filter').length;
  assert.equal(recognised, filterGradients, `${recognised} of ${filterGradients} filter gradients recognised`);
  const strided = convolutions.filter(
    ({ direction, strides }) => direction === 'backward input' && strides.some(stride => stride > 1),
  ).length;
  assert.equal(strided, stridedInputGradients, `${strided} strided input gradients, not ${stridedInputGradients}`);
  assert.ok(compiled.singleBlockReductions <= 2, `${compiled.singleBlockReductions} reductions on one thread block`);
  const written = module.donated.size;
  assert.equal(hlo.aliased, written, `${hlo.aliased} of ${written} state entries aliased`);
  assertOneGraph(compiled);
  assertSmall(module);
}

/** The loop's body is one CUDA graph. */
export function assertOneGraph({ graphLaunches, launchesOutsideGraphs }: CompiledProgram): void {
  assert.equal(graphLaunches, 1, `${graphLaunches} graph launches a step`);
  assert.equal(launchesOutsideGraphs, 0, `${launchesOutsideGraphs} launches outside of graphs`);
}

export function assertSmall({ text }: Module): void {
  assert.ok(text.length < 4e6, `${(text.length / 1e6).toFixed(1)} MB of module text`);
}
