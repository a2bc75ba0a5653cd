/**
 * The contract between what is computed and what computes it.
 *
 * A `Program` is what a training step or an evaluation computes: a function from a state and inputs to the changed
 * state and outputs, written in TF.js ops. It holds nothing itself. The state (weights, momenta, batch statistics) is a
 * record of named tensors, so a checkpoint is a file of exactly these, and a resumed run repeats an unbroken one to the
 * bit.
 *
 * An engine gets all programs of a run with the first state, in a `CompileRequest`, and returns an `Executable`. The
 * compiled engines (tensorflow, xla) call each program once, with tensors that only record what is done to them
 * (trace/trace.ts), and translate the recorded graph; the engine eager calls it for every step. From then on the state
 * lies on the device: `run` and `stage` change it there, `readState` and `writeState` copy it, and inputs and outputs
 * are `HostTensor`s of plain memory.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { HostTensors, TensorSpec } from '../tensor.js';

export type Specs = Readonly<Record<string, TensorSpec>>;
export type Tensors = Record<string, Tensor>;

/**
 * A pure function `(state, inputs) → { state, outputs }` in TF.js ops. `state` in the result holds only the entries
 * that change. No hidden variables: what a checkpoint must hold is exactly the state.
 */
export interface Program {
  readonly inputs: Specs;
  apply(state: Tensors, inputs: Tensors): { state: Tensors; outputs: Tensors };
}

/**
 * fp32: float32 throughout. tf32: factors of convolutions and products are rounded to TF32 where the device has it.
 * bf16: see trace/mixedPrecision.ts. Sums, weights and statistics are float32 in all of them.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16';

export interface EngineInfo {
  readonly engine: string;
  /** Version of the runtime library, e.g. `2.21.0`. */
  readonly version: string;
  readonly precision: Precision;
  readonly threads: number;
  readonly device: string;
  /** Devices that share each batch; one when left out. */
  readonly devices?: number;
  /** On CPUs: the widest instruction set, by oneDNN's names. */
  readonly instructions?: string;
  /** Environment variables that can change the numbers and were left as they were; absent without any. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Inputs of several runs of one program, where the engine wants them: on the device. They are a copy. */
export interface StagedSteps {
  readonly count: number;
  /** Runs the program once per row, in one call where the engine can; resolves to the outputs, stacked `[count, …]`. */
  run(): Promise<HostTensors>;
  dispose(): void;
}

/** Programs that share one state, compiled; the state stays on the device between runs. */
export interface Executable {
  readonly info: EngineInfo;
  /** Runs one program; resolves to its outputs. Calls are executed one after the other. */
  run(program: string, inputs: HostTensors): Promise<HostTensors>;
  /**
   * Takes the inputs of `count` steps of a program, each stacked `[count, …]`, to the device, ahead of their use. Steps
   * give what as many calls of `run` would give.
   */
  stage(program: string, inputs: HostTensors): Promise<StagedSteps>;
  /**
   * Copies of the named state entries; of all when left out. Rejects with `EngineError` when there is none of a name.
   */
  readState(names?: readonly string[]): Promise<HostTensors>;
  /** Overwrites the named state entries; shapes and dtypes must match. */
  writeState(values: HostTensors): Promise<void>;
  dispose(): void;
}

export interface CompileRequest {
  readonly state: HostTensors;
  readonly programs: Readonly<Record<string, Program>>;
}
