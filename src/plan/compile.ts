/** One program compiled for a GPU that need not be here, and what XLA made of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompiledMemory, compileForAbsent } from '../engine/pjrt/absentDevice.js';
import type { Pjrt } from '../engine/pjrt/cApi.js';
import { EngineError } from '../errors.js';
import { type Convolution, convolutionsOf } from './convolutions.js';
import { type GpuFacts, xlaTarget } from './gpus.js';
import { type HloModule, parseHlo, stepOf } from './hlo.js';
import { type Kernel, kernelsOfStep } from './kernels.js';
import { launched, parseThunks, thunksOfStep } from './thunks.js';

export interface CompiledProgram {
  readonly seconds: number;
  readonly memory: CompiledMemory;
  readonly hlo: HloModule;
  /** Kernels of a step. */
  readonly kernels: readonly Kernel[];
  /** Convolutions of a step that are calls of cuDNN. */
  readonly convolutions: readonly Convolution[];
  /** Names of those that are not. */
  readonly otherConvolutions: readonly string[];
  /** CUDA graphs that a step launches. */
  readonly graphLaunches: number;
  /** Kernels and library calls of a step that no graph launches. */
  readonly launchesOutsideGraphs: number;
  /**
   * Reductions of more than `smallReductionBytes` on a single thread block, which leaves all other multiprocessors
   * idle.
   */
  readonly singleBlockReductions: number;
}

/** Up to this many bytes one block is enough: the second half of a reduction adds up the sums of some hundred parts. */
const smallReductionBytes = 512 * 1024;

/** Compiles the text of a StableHLO module for `devices` such GPUs. Throws `EngineError`. */
export async function compileProgram(api: Pjrt, gpu: GpuFacts, module: string, devices = 1): Promise<CompiledProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'gala-plan-'));
  try {
    const started = performance.now();
    const flags = { xla_dump_to: folder, xla_dump_hlo_as_text: true };
    const memory = await compileForAbsent(api, { description: xlaTarget(gpu), count: devices }, module, flags);
    const seconds = (performance.now() - started) / 1000;
    const dumped = (suffix: string) => {
      const name = readdirSync(folder).find(file => file.endsWith(suffix));
      if (name !== undefined) return readFileSync(join(folder, name), 'utf8');
      throw new EngineError(`XLA's plugin wrote no ${suffix} of a program.`, {
        where: api.path,
        next: 'gala reads what the pinned plugin writes: gala engine install --cuda 13 --plan',
      });
    };
    const hlo = parseHlo(dumped('gpu_after_optimizations.txt'));
    const thunks = parseThunks(dumped('thunk_sequence_after_thunk_passes.txt'), dumped('thunk_metadata.txt'));
    return { seconds, memory, hlo, ...stepFigures(hlo, thunksOfStep(thunks)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function stepFigures(hlo: HloModule, thunks: ReturnType<typeof thunksOfStep>) {
  const kernels = kernelsOfStep(hlo);
  const { convolutions, others } = convolutionsOf(kernels, stepOf(hlo));
  const reductions = new Map(
    kernels.filter(({ kind }) => kind === 'reduction').map(({ instruction, bytes }) => [instruction.name, bytes]),
  );
  return {
    kernels,
    convolutions,
    otherConvolutions: others,
    graphLaunches: thunks.filter(({ kind }) => kind === 'kCommandBuffer').length,
    launchesOutsideGraphs: launched(thunks.filter(({ kind }) => kind !== 'kCommandBuffer')).length,
    singleBlockReductions: launched(thunks).filter(
      ({ blocks, instruction = '' }) => blocks === 1 && (reductions.get(instruction) ?? 0) > smallReductionBytes,
    ).length,
  };
}
