/**
 * The contract between programs and engines.
 *
 * A `Program` is a function in TF.js ops that computes a training step or an evaluation: from a state and inputs to the
 * changed state and outputs. The function has no variables of its own. The state (weights, momenta, batch statistics)
 * is a record of named tensors, so a checkpoint is a file with exactly these tensors, and a resumed run gives the bits
 * of an unbroken run.
 *
 * An engine gets all programs of a run and the first state, in a `CompileRequest`, and returns an `Executable`. The
 * compiled engines (tensorflow, xla) call each program once, with tensors that record the ops (trace/trace.ts), and
 * translate the recorded graph. The engine eager calls the program for every step. From then on the state is on the
 * device: `run` and `stage` change it there, `readState` and `writeState` copy it. Inputs and outputs are
 * `HostTensor`s.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { HostTensors, TensorSpec } from '../tensor.js';

export type Specs = Readonly<Record<string, TensorSpec>>;
export type Tensors = Record<string, Tensor>;

/**
 * A pure function `(state, inputs) → { state, outputs }` in TF.js ops. `state` in the result has only the entries
 * that change.
 */
export interface Program {
  /** Types of the inputs. */
  readonly inputs: Specs;
  apply(state: Tensors, inputs: Tensors): { state: Tensors; outputs: Tensors };
}

/**
 * fp32: everything is float32. tf32: factors of convolutions and products are rounded to TF32 where the device has
 * TF32. bf16: see trace/mixedPrecision.ts. Sums, weights and statistics are float32 in each precision.
 */
export type Precision = 'fp32' | 'tf32' | 'bf16';

export interface EngineInfo {
  readonly engine: string;
  /** Version of the runtime library, e.g. `2.21.0`. */
  readonly version: string;
  readonly precision: Precision;
  readonly threads: number;
  readonly device: string;
  /** Number of devices that share each batch; absent for one device. */
  readonly devices?: number;
  /** The widest instruction set of the CPU, by oneDNN's names; absent for other devices. */
  readonly instructions?: string;
  /** Name and version of gala's own operations; absent where the runtime library computes everything. */
  readonly operations?: string;
  /** Environment variables that can change the numbers and that gala left unchanged; absent without any. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A copy of the inputs of several steps, on the device where the engine has one. */
export interface StagedSteps {
  /**
   * Runs the program once per step, in one call where the engine can. Resolves to the outputs, stacked `[steps, …]`.
   */
  run(): Promise<HostTensors>;
  dispose(): void;
}

/** Compiled programs that share one state. The state stays on the device between runs. */
export interface Executable {
  readonly info: EngineInfo;
  /** Runs one program and resolves to its outputs. Calls are executed one after the other. */
  run(program: string, inputs: HostTensors): Promise<HostTensors>;
  /**
   * Copies the inputs of several steps of a program, each stacked `[count, …]`, to the device before they are used.
   * The steps give the same results as `count` calls of `run`.
   */
  stage(program: string, inputs: HostTensors): Promise<StagedSteps>;
  /** Copies of the named state entries, by default of all. Rejects with `EngineError` for an unknown name. */
  readState(names?: readonly string[]): Promise<HostTensors>;
  /** Overwrites the named state entries. Rejects with `EngineError` for an unknown name and for another type. */
  writeState(values: HostTensors): Promise<void>;
  dispose(): void;
}

export interface CompileRequest {
  readonly state: HostTensors;
  readonly programs: Readonly<Record<string, Program>>;
}
