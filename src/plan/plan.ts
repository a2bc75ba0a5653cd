/** `gala bench plan`: what a config would take and launch on a GPU that need not be here. */
import type { Config, StageConfig } from '../config/schema.js';
import type { Pjrt } from '../engine/pjrt/cApi.js';
import type { Precision } from '../engine/program.js';
import { type CompiledProgram, compileProgram } from './compile.js';
import type { Convolution, Direction } from './convolutions.js';
import type { Cudnn } from './cudnn.js';
import { type GpuFacts, memoryBytes, type TargetName, targets } from './gpus.js';
import { type KernelKind, kernelKinds } from './kernels.js';
import { fittingAccumulation, type StageMemory } from './microBatches.js';
import { type PlannedProgram, type PlannedPrograms, plannedPrograms } from './programs.js';

interface ConvolutionPlan {
  readonly direction: Direction;
  readonly precision: string;
  readonly convolutions: number;
  /**
   * Different ones among them, and those for which cuDNN has no engine on tensor cores; null where it could not be
   * asked.
   */
  readonly shapes: number;
  readonly shapes_without_tensor_cores: number | null;
}

export interface ProgramPlan {
  readonly program: string;
  readonly batch: number;
  readonly steps_per_call: number;
  readonly module_bytes: number;
  readonly compile_seconds: number;
  /** Bytes. */
  readonly memory: { readonly arguments: number; readonly results: number; readonly temporaries: number };
  readonly step: {
    readonly kernels: number;
    readonly bytes: number;
    readonly kinds: Readonly<Partial<Record<KernelKind, { readonly kernels: number; readonly bytes: number }>>>;
    readonly graph_launches: number;
    readonly launches_outside_graphs: number;
    readonly single_block_reductions: number;
  };
  readonly convolutions: readonly ConvolutionPlan[];
  /** Convolutions that XLA computes itself. */
  readonly convolutions_outside_cudnn: number;
}

export interface StagePlan {
  readonly stage: 'training' | 'representation' | 'classifier';
  readonly batch_size: number;
  readonly accumulate: number;
  readonly programs: readonly ProgramPlan[];
  readonly memory: StageMemory;
  /** train.accumulate with which it fits; undefined where it fits as it is, null where none does. */
  readonly accumulate_to_fit?: number | null;
}

export interface Plan {
  readonly target: TargetName;
  readonly gpu: string;
  readonly devices: number;
  readonly precision: Precision;
  readonly memory_bytes: number;
  readonly stages: readonly StagePlan[];
}

export interface Planner {
  readonly api: Pjrt;
  /** Undefined where cuDNN is not here. */
  readonly cudnn: Cudnn | undefined;
  readonly target: TargetName;
  /** Fraction of the GPU's memory that may be taken. */
  readonly memoryFraction: number;
  /** What is under way. */
  note(sentence: string): void;
}

const firstBf16Capability = 80; // Ampere

/** Compiles all programs of a config, of both stages where it has two. Throws `ConfigError`, `EngineError`. */
export async function planConfig(config: Config, planner: Planner): Promise<Plan> {
  const gpu: GpuFacts = targets[planner.target];
  const native: Precision = gpu.capability >= firstBf16Capability ? 'bf16' : 'fp32';
  const precision = config.precision === 'auto' ? native : config.precision;
  const { stages, ...own } = config;
  const parts: [StagePlan['stage'], StageConfig][] = stages
    ? [
        ['representation', stages.representation],
        ['classifier', own],
      ]
    : [['training', own]];
  const planned: StagePlan[] = [];
  for (const [stage, part] of parts) planned.push(await planStage(stage, part, precision, planner));
  const { target } = planner;
  const { devices } = config;
  return { target, gpu: gpu.name, devices, precision, memory_bytes: memoryBytes(gpu), stages: planned };
}

async function planStage(
  stage: StagePlan['stage'],
  config: StageConfig,
  precision: Precision,
  planner: Planner,
): Promise<StagePlan> {
  const all = plannedPrograms(config, precision);
  const programs: ProgramPlan[] = [];
  for (const program of all.programs) programs.push(await planProgram(program, config.devices, planner));
  const memory = stageMemory(all, programs, config.devices, planner);
  const plan = { stage, batch_size: config.train.batch_size, accumulate: config.train.accumulate, programs, memory };
  const trained = all.programs.find(({ name }) => name === 'train');
  if (memory.fits || trained === undefined || config.devices > 1) return plan;
  const accumulate_to_fit = await fittingAccumulation(config, memory, async accumulate => {
    const fewer = plannedPrograms({ ...config, train: { ...config.train, accumulate } }, precision);
    const program = fewer.programs.find(({ name }) => name === 'train')!;
    const others = programs.filter(({ program: name }) => name !== 'train');
    return stageMemory(fewer, [...others, await planProgram(program, 1, planner)], 1, planner);
  });
  return { ...plan, accumulate_to_fit };
}

function stageMemory(
  { stateBytes, stagedTestBytes, programs: planned }: PlannedPrograms,
  programs: readonly ProgramPlan[],
  devices: number,
  { target, memoryFraction }: Planner,
): StageMemory {
  const trained = planned.find(({ name }) => name === 'train')?.inputBytes ?? 0;
  const inputs = Math.round((2 * trained + stagedTestBytes) / devices);
  const own = ({ memory }: ProgramPlan) => memory.temporaries + memory.results;
  const largest = programs.reduce((most, program) => (own(program) > own(most) ? program : most));
  const temporaries = own(largest);
  const limit = Math.floor(memoryFraction * memoryBytes(targets[target]));
  const total = stateBytes + inputs + temporaries;
  const fits = total <= limit;
  return { state: stateBytes, inputs, temporaries, largest_program: largest.program, total, limit, fits };
}

async function planProgram(
  { name, batch, stepsPerCall, lower }: PlannedProgram,
  devices: number,
  { api, cudnn, target, note }: Planner,
): Promise<ProgramPlan> {
  const gpu = targets[target];
  note(`Compiling ${name} (${batch} images, ${stepsPerCall} in a call) for ${gpu.name} …`);
  const { text } = lower().module;
  const compiled = await compileProgram(api, gpu, text, devices);
  const { memory, kernels, convolutions, otherConvolutions } = compiled;
  return {
    program: name,
    batch,
    steps_per_call: stepsPerCall,
    module_bytes: Buffer.byteLength(text),
    compile_seconds: Number(compiled.seconds.toFixed(1)),
    memory: {
      arguments: memory.arguments,
      results: memory.results - memory.aliased,
      temporaries: memory.temporaries,
    },
    step: {
      kernels: kernels.length,
      bytes: kernels.reduce((sum, { bytes }) => sum + bytes, 0),
      kinds: byKind(compiled),
      graph_launches: compiled.graphLaunches,
      launches_outside_graphs: compiled.launchesOutsideGraphs,
      single_block_reductions: compiled.singleBlockReductions,
    },
    convolutions: await convolutionPlans(convolutions, cudnn),
    convolutions_outside_cudnn: otherConvolutions.length,
  };
}

function byKind({ kernels }: CompiledProgram): ProgramPlan['step']['kinds'] {
  const kinds = kernelKinds.map(kind => {
    const those = kernels.filter(kernel => kernel.kind === kind);
    return [kind, { kernels: those.length, bytes: those.reduce((sum, { bytes }) => sum + bytes, 0) }] as const;
  });
  return Object.fromEntries(kinds.filter(([, { kernels: count }]) => count > 0));
}

async function convolutionPlans(
  convolutions: readonly Convolution[],
  cudnn: Cudnn | undefined,
): Promise<ConvolutionPlan[]> {
  const groups = new Map<string, Convolution[]>();
  for (const convolution of convolutions) {
    const key = `${convolution.direction} ${convolution.precision}`;
    groups.set(key, [...(groups.get(key) ?? []), convolution]);
  }
  const plans: ConvolutionPlan[] = [];
  for (const group of groups.values()) {
    const shapes = [...new Map(group.map(one => [JSON.stringify(one), one])).values()];
    let without = 0;
    if (cudnn) for (const shape of shapes) if ((await cudnn.enginesFor(shape)).onTensorCores === 0) without++;
    const { direction, precision } = group[0]!;
    plans.push({
      ...{ direction, precision, convolutions: group.length, shapes: shapes.length },
      shapes_without_tensor_cores: cudnn ? without : null,
    });
  }
  return plans;
}
