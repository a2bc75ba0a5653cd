/** Compiles a program for a GPU on a machine without that GPU, and reads what XLA compiled it to. */
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

export interface CompiledProgram {
  /** Time of the compilation. */
  readonly seconds: number;
  readonly memory: CompiledMemory;
  readonly hlo: HloModule;
  /** Kernels of a step. */
  readonly kernels: readonly Kernel[];
  /** Convolutions of a step that cuDNN computes. */
  readonly convolutions: readonly Convolution[];
  /** Names of the convolutions of a step that XLA computes itself. */
  readonly otherConvolutions: readonly string[];
  /** CUDA graphs that a step launches. */
  readonly graphLaunches: number;
  /** Kernels and library calls of a step that no graph launches. */
  readonly launchesOutsideGraphs: number;
  /**
   * Reductions of more than `smallReductionBytes` on a single thread block. All other multiprocessors are idle
   * meanwhile.
   */
  readonly singleBlockReductions: number;
}

/** One thread block is enough for this many bytes: the second part of a reduction sums some hundred partial sums. */
const smallReductionBytes = 512 * 1024;

/** Compiles the text of a StableHLO module for `devices` GPUs of this kind. Throws `EngineError`. */
export async function compileProgram(api: Pjrt, gpu: GpuFacts, module: string, devices = 1): Promise<CompiledProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'gala-plan-'));
  try {
    const started = performance.now();
    const flags = { xla_dump_to: folder, xla_dump_hlo_as_text: true };
    const memory = await compileForAbsent(api, xlaTarget(gpu), devices, module, flags);
    const seconds = (performance.now() - started) / 1000;
    const dumped = (...suffixes: readonly string[]) => {
      const names = readdirSync(folder);
      const name = suffixes.map(suffix => names.find(file => file.endsWith(suffix))).find(found => found !== undefined);
      if (name !== undefined) return readFileSync(join(folder, name), 'utf8');
      throw new EngineError(`XLA's plugin wrote no ${suffixes[0]} of a program.`, {
        where: api.path,
        next: 'gala reads what the pinned plugin writes: gala engine install --cuda 13 --plan',
      });
    };
    const hlo = parseHlo(dumped('gpu_after_optimizations.txt'));
    // XLA writes the list after its passes only if a pass has changed it
    const sequence = dumped('thunk_sequence_after_thunk_passes.txt', 'thunk_sequence.txt');
    const thunks = parseThunks(sequence, dumped('thunk_metadata.txt'));
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

/** A task in XLA's list for the host. A command buffer (a CUDA graph) is one launch for all thunks inside of it. */
interface Thunk {
  /** For instance `kCommandBuffer`, `kConvolution`. */
  readonly kind: string;
  /** Name of the instruction that the thunk runs; undefined for control flow. */
  readonly instruction: string | undefined;
  /** Thread blocks of a kernel that XLA generated; undefined for other thunks. */
  readonly blocks: number | undefined;
  readonly inside: readonly Thunk[];
}

const controlFlow = new Set(['kCommandBuffer', 'kWhile', 'kConditional', 'kSequential']);

/**
 * Reads XLA's list of thunks. `sequence` is the list after XLA's passes, indented by depth; `metadata` has the
 * instruction of each thunk by its number.
 */
export function parseThunks(sequence: string, metadata: string): Thunk[] {
  const instructions = new Map(
    [...metadata.matchAll(/thunk_info \{\s+profile_annotation: "([^"]*)"\s+thunk_id: (\d+)/g)].map(([, name, id]) => [
      Number(id),
      name!,
    ]),
  );
  const top: Thunk[] = [];
  const open: { indent: number; inside: Thunk[] }[] = [{ indent: -1, inside: top }];
  let inCondition = false;
  for (const line of sequence.split('\n')) {
    const label = /^ *(condition|body):/.exec(line)?.[1];
    if (label) inCondition = label === 'condition';
    const found = /^( *)(\d+): (k\w+)(.*)$/.exec(line);
    if (!found || inCondition) continue;
    const [, { length: indent }, id, kind, rest] = found as unknown as [string, string, string, string, string];
    while (open.at(-1)!.indent >= indent) open.pop();
    const grid = / grid: \[([\d, ]+)\]/.exec(rest)?.[1];
    const inside: Thunk[] = [];
    open.at(-1)!.inside.push({
      kind,
      instruction: controlFlow.has(kind) ? undefined : instructions.get(Number(id)),
      blocks: grid?.split(', ').reduce((product, count) => product * Number(count), 1),
      inside,
    });
    open.push({ indent, inside });
  }
  return top;
}

/**
 * The thunks of one step: the body of the loop over the steps of a call, or the whole program where there is no loop.
 */
export function thunksOfStep(thunks: readonly Thunk[]): readonly Thunk[] {
  return thunks.find(({ kind }) => kind === 'kWhile')?.inside ?? thunks;
}

/** All thunks that are not control flow, also those inside of command buffers. */
export function launched(thunks: readonly Thunk[]): Thunk[] {
  return thunks.flatMap(thunk => (controlFlow.has(thunk.kind) ? launched(thunk.inside) : [thunk]));
}
