/** `gala bench plan`: the memory and the kernels that a config needs on a GPU that is not in this machine. */
import { basename } from 'node:path';
import type { Config, StageConfig } from '../config/schema.js';
import { firstBf16Capability } from '../engine/gpu.js';
import { gpuClientOptions } from '../engine/index.js';
import { loadPlugin, type Pjrt } from '../engine/pjrt/cApi.js';
import { requireCudaCompiler } from '../engine/pjrt/locate.js';
import type { Precision } from '../engine/program.js';
import { compileProgram } from './compile.js';
import { type ConvolutionPlan, type Cudnn, convolutionPlans, openCudnn } from './cudnn.js';
import { cudnnDevice, type GpuFacts, memoryBytes, type TargetName, targets } from './gpus.js';
import { type Kernel, type KernelKind, kernelKinds } from './kernels.js';
import { type PlannedProgram, type PlannedPrograms, plannedPrograms } from './programs.js';

export interface ProgramPlan {
  readonly program: string;
  readonly batch: number;
  readonly steps_per_call: number;
  readonly module_bytes: number;
  readonly compile_seconds: number;
  /** Bytes on one device. */
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

/** Bytes on one device. */
export interface StageMemory {
  readonly state: number;
  /** Inputs of two training calls, and the test images if they stay on the device. */
  readonly inputs: number;
  /** Memory of the largest program while it runs. */
  readonly temporaries: number;
  readonly largest_program: string;
  readonly total: number;
  readonly limit: number;
  readonly fits: boolean;
}

export interface StagePlan {
  readonly stage: 'training' | 'representation' | 'classifier';
  readonly batch_size: number;
  readonly accumulate: number;
  readonly programs: readonly ProgramPlan[];
  readonly memory: StageMemory;
  /** `train.accumulate` with which the stage fits; undefined where it fits already, null where no number does. */
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

/** The tools of a plan. */
interface Planner {
  readonly api: Pjrt;
  /** Version and origin of XLA's plugin. */
  readonly plugin: string;
  /** Undefined where cuDNN is not installed beside the plugin. */
  readonly cudnn: Cudnn | undefined;
  readonly target: TargetName;
  /** Fraction of the GPU's memory that gala may use. */
  readonly memoryFraction: number;
  /** Shows which program is compiled now. */
  note(sentence: string): void;
}

/** Loads XLA's plugin and cuDNN. Throws `EngineError` where no plugin compiles for a GPU. */
export function openPlanner(target: TargetName, note: Planner['note']): Planner {
  const location = requireCudaCompiler();
  const cudnn = location.libraries?.find(path => basename(path).startsWith('libcudnn.'));
  return {
    api: loadPlugin(location),
    plugin: `${location.version} (${location.origin})`,
    cudnn: cudnn === undefined ? undefined : openCudnn(cudnn, cudnnDevice(targets[target])),
    target,
    memoryFraction: gpuClientOptions(0, process.env).memory_fraction.float,
    note,
  };
}

/** Compiles all programs of a config, for each of its stages. Throws `ConfigError`, `EngineError`. */
export async function planConfig(config: Config, planner: Planner): Promise<Plan> {
  const gpu: GpuFacts = targets[planner.target];
  const native: Precision = gpu.capability / 10 >= firstBf16Capability ? 'bf16' : 'fp32';
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
  note(`Compiling ${name} (batches of ${batch} images, ${stepsPerCall} in a call) for ${gpu.name} …`);
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
      kinds: byKind(kernels),
      graph_launches: compiled.graphLaunches,
      launches_outside_graphs: compiled.launchesOutsideGraphs,
      single_block_reductions: compiled.singleBlockReductions,
    },
    convolutions: await convolutionPlans(convolutions, cudnn),
    convolutions_outside_cudnn: otherConvolutions.length,
  };
}

function byKind(kernels: readonly Kernel[]): ProgramPlan['step']['kinds'] {
  const kinds = kernelKinds.map(kind => {
    const ofKind = kernels.filter(kernel => kernel.kind === kind);
    return [kind, { kernels: ofKind.length, bytes: ofKind.reduce((sum, { bytes }) => sum + bytes, 0) }] as const;
  });
  return Object.fromEntries(kinds.filter(([, { kernels: count }]) => count > 0));
}

/**
 * The smallest `train.accumulate` with which a training fits into memory; null where none does. `memoryWith` compiles
 * the training with another number. Temporaries are nearly proportional to the micro-batch, so the first number that
 * is compiled is mostly the result.
 */
export async function fittingAccumulation(
  { train }: Pick<StageConfig, 'train'>,
  memory: StageMemory,
  memoryWith: (accumulate: number) => Promise<StageMemory>,
): Promise<number | null> {
  const { batch_size, accumulate } = train;
  const numbers = Array.from({ length: batch_size }, (_, i) => i + 1).filter(
    count => count > accumulate && batch_size % count === 0,
  );
  let [known, used] = [memory, accumulate];
  for (const [i, count] of numbers.entries()) {
    const expected = known.total - known.temporaries + (known.temporaries * used) / count;
    if (expected > known.limit && i < numbers.length - 1) continue;
    const tried = await memoryWith(count);
    if (tried.fits) return count;
    // Another program takes the most memory, and micro-batches do not change it
    if (tried.temporaries >= known.temporaries) return null;
    [known, used] = [tried, count];
  }
  return null;
}
