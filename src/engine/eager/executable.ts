/**
 * The `eager` engine: tfjs-node-gpu runs the program op by op, with TF.js' own autodiff in every step. The engine uses
 * neither the trace nor a lowering, so it is the reference for the compiled engines.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError } from '../../errors.js';
import type { DType, HostTensor, HostTensors } from '../../tensor.js';
import tf from '../../tfjs.cjs';
import { hostTensor, outputSpec, requireSameTypes } from '../hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, Precision, Program, Specs, Tensors } from '../program.js';
import { type Runtime, serialExecutable } from '../serialExecutable.js';
import { loadAddon } from './addon.js';
import { onBackend } from './backend.js';
import type { AddonLocation } from './locate.js';

export interface EagerOptions {
  readonly addon: AddonLocation;
  readonly threads: number;
  readonly precision: Precision;
}

/** Loads tfjs-node-gpu and uploads the state. Throws `EngineError`. */
export async function compileForEager(request: CompileRequest, options: EagerOptions): Promise<Executable> {
  if (options.precision !== 'fp32') {
    throw new EngineError(`The eager engine computes in fp32 and was asked for ${options.precision}.`, {
      next: 'Set precision to fp32 or auto, or take another engine.',
    });
  }
  const addon = loadAddon(options.addon, options.threads);
  const info: EngineInfo = {
    engine: 'eager',
    version: addon.version,
    precision: 'fp32',
    threads: addon.threads,
    device: addon.device,
  };
  return serialExecutable(request, runtimeOf(request, info));
}

function runtimeOf({ state: initial, programs }: CompileRequest, info: EngineInfo): Runtime {
  const state: Tensors = onBackend(() => uploaded(initial));
  /** A run blocks the thread. Before each run the event loop gets a turn, so that batches and signals arrive. */
  const onItsTurn = async <T>(work: () => T): Promise<T> => {
    await turn();
    return onBackend(work);
  };
  return {
    info,
    run: (name, inputs) => onItsTurn(() => step(programs[name]!, inputs, state, initial)),
    readState: names =>
      onItsTurn(() => Object.fromEntries(names.map(name => [name, onHost(state[name]!, initial[name]!.dtype)]))),
    writeState: values => onItsTurn(() => replace(state, uploaded(values))),
    dispose: () => void tf.dispose(state),
  };
}

/** Runs the program once, replaces the changed state entries, and frees all other new tensors. */
function step(program: Program, inputs: HostTensors, state: Tensors, specs: HostTensors): HostTensors {
  tf.engine().startScope();
  try {
    const given = uploaded(inputs);
    const { result, kept } = collectingKept(() => program.apply({ ...state }, given));
    const bytes = new Set<tf.Tensor>([...bytesAmong(given, program.inputs), ...bytesAmong(state, specs)]);
    const outputs = Object.fromEntries(
      Object.entries(result.outputs).map(([name, tensor]) => [name, onHost(tensor, dtypeOf(name, tensor, bytes))]),
    );
    requireSameTypes(inTensorFlow(specs), result.state);
    // Clones (of the same data), because an entry may be unchanged, and two entries may be one tensor.
    const next = Object.fromEntries(
      Object.entries(result.state).map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]),
    );
    const before = new Set(Object.values(state));
    for (const tensor of kept) if (!before.has(tensor)) tensor.dispose();
    replace(state, next);
    return outputs;
  } catch (error) {
    throw error instanceof EngineError || !(error instanceof Error) ? error : runError(error);
  } finally {
    tf.engine().endScope();
  }
}

/** Calls `work` and collects the tensors that it keeps (`tf.keep`): no scope frees them, so the step does. */
function collectingKept<T>(work: () => T): { result: T; kept: ReadonlySet<tf.Tensor> } {
  const engine = tf.engine();
  const kept = new Set<tf.Tensor>();
  engine.keep = tensor => {
    kept.add(tensor);
    return Object.getPrototypeOf(engine).keep.call(engine, tensor);
  };
  try {
    return { result: work(), kept };
  } finally {
    delete (engine as { keep?: unknown }).keep;
  }
}

function replace(state: Tensors, next: Tensors): void {
  for (const [name, tensor] of Object.entries(next)) {
    state[name]!.dispose();
    state[name] = tensor;
  }
}

/** Copies of host tensors, because TensorFlow computes on the given memory. TF.js has no uint8: bytes become int32. */
function uploaded(values: HostTensors): Tensors {
  return Object.fromEntries(
    Object.entries(values).map(([name, { shape, dtype, data }]) => {
      const isBytes = dtype === 'uint8';
      return [name, tf.tensor(isBytes ? Int32Array.from(data) : data.slice(), [...shape], isBytes ? 'int32' : dtype)];
    }),
  );
}

/** The tensor's value. `dtype` is uint8 for a tensor of bytes, which is int32 in TF.js. */
function onHost(tensor: tf.Tensor, dtype: DType): HostTensor {
  const data = tensor.dataSync<'float32' | 'int32'>();
  const copy = dtype === 'uint8' ? Uint8Array.from(data) : data.slice();
  return hostTensor({ dtype, shape: tensor.shape }, copy.buffer as ArrayBuffer);
}

/** The types of these tensors in TF.js: int32 for bytes. */
function inTensorFlow(specs: Specs): Specs {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { dtype, shape }]) => [
      name,
      { dtype: dtype === 'uint8' ? 'int32' : dtype, shape },
    ]),
  );
}

/** The tensors that contain bytes. */
function bytesAmong(tensors: Tensors, specs: Specs): tf.Tensor[] {
  return Object.entries(tensors).flatMap(([name, tensor]) => (specs[name]?.dtype === 'uint8' ? [tensor] : []));
}

function dtypeOf(name: string, tensor: tf.Tensor, bytes: ReadonlySet<tf.Tensor>): DType {
  if (bytes.has(tensor)) return 'uint8';
  return outputSpec(name, tensor).dtype;
}

function runError(error: Error): EngineError {
  const outOfMemory = /OOM|out of memory|bad_alloc/i.test(error.message);
  return new EngineError(`The program stopped while it ran op by op: ${error.message.split('\n', 1)[0]}`, {
    next: outOfMemory
      ? 'Use a smaller batch size (train.batch_size, eval.batch_size).'
      : 'Report this with the config and the output of `gala engine list`.',
    cause: error,
  });
}
