/**
 * The `tensorflow` engine: all traced programs are one TensorFlow graph in one session. The state is in resource
 * variables of the session. A run is on another thread (koffi's async call), so that batches are prepared meanwhile.
 */
import { basename, dirname } from 'node:path';
import { EngineError } from '../../errors.js';
import { bytesField, message, varintField } from '../../io/protobuf.js';
import { memoryError } from '../../machine/memory.js';
import type { HostTensor, TensorSpec } from '../../tensor.js';
import { hostTensor, outputSpec } from '../hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, Precision } from '../program.js';
import { type Runtime, serialExecutable } from '../serialExecutable.js';
import { type TracedProgram, typeOf, type Value } from '../trace/ir.js';
import { trace } from '../trace/trace.js';
import { type Libraries, loadTensorFlow, type Output, type Pointer, type TensorFlow } from './cApi.js';
import { takeMomentumUpdates, withFoldedBatchNorm, withRunningAverages } from './fusedOperations.js';
import { type GraphBuilder, newGraph } from './graph.js';
import { lower } from './lower.js';
import { withOwnLayers } from './ownLayers.js';

export interface TensorFlowOptions {
  readonly libraries: Libraries;
  /** The path of gala's own operations; left out, TensorFlow computes everything. */
  readonly operations?: string | undefined;
  readonly threads: number;
  readonly precision: Precision;
}

/**
 * Fields of TensorFlow's RewriterConfig (tensorflow/core/protobuf/rewriter_config.proto). They leave out optimizations
 * that find next to nothing in gala's programs and take 0.2 s of CPU at each start.
 */
const graphOptimizations = {
  /** memory_optimization = NO_MEM_OPT: swapping is for GPUs. */
  memory: varintField(4, 1),
  /** meta_optimizer_iterations = ONE: a second pass removes 1 to 3 equal constants of a step's 1,118 operations. */
  passes: varintField(12, 1),
  /** disable_tfg_optimizer: it moves operations into conditions and functions, which gala does not write. */
  conditions: varintField(32, 1),
};

interface Variable {
  readonly spec: TensorSpec;
  readonly handle: Output;
  readonly read: Output;
  readonly feed: Output;
  readonly assign: Pointer;
}

/** One program in the graph: inputs to feed, outputs to fetch, assignments to run. */
interface Entry {
  readonly feeds: readonly (readonly [name: string, placeholder: Output])[];
  readonly fetches: readonly (readonly [name: string, output: Output, spec: TensorSpec])[];
  readonly targets: readonly Pointer[];
}

/** Traces and lowers the programs, opens the session and writes the first state. Throws `EngineError`. */
export async function compileForTensorFlow(request: CompileRequest, options: TensorFlowOptions): Promise<Executable> {
  const api = loadTensorFlow(options.libraries);
  if (options.operations !== undefined) api.loadOperations(options.operations);
  const builder = newGraph(api);
  const variables = new Map(
    Object.entries(request.state).map(([name, spec]) => [name, addVariable(builder, name, spec)]),
  );
  const entries = new Map(
    Object.entries(request.programs).map(([name, program]) => [
      name,
      addProgram(builder, trace(program, request.state, options.precision), variables, options),
    ]),
  );
  const session = openSession(api, builder.graph, options);
  const info: EngineInfo = {
    engine: 'tensorflow',
    version: api.version(),
    precision: options.precision,
    threads: options.threads,
    device: 'cpu',
    ...(options.operations !== undefined && { operations: basename(dirname(options.operations)) }),
  };
  const executable = serialExecutable(request, runtimeOf(session, variables, entries, info));
  await executable.writeState(request.state);
  return executable;
}

function addVariable(builder: GraphBuilder, name: string, spec: TensorSpec): Variable {
  const type = { dtype: { type: spec.dtype }, shape: { shape: spec.shape } };
  const handle = { oper: builder.operation('VarHandleOp', [], { ...type, shared_name: { string: name } }), index: 0 };
  const read = { oper: builder.operation('ReadVariableOp', [handle], { dtype: type.dtype }), index: 0 };
  const feed = { oper: builder.operation('Placeholder', [], type), index: 0 };
  const assign = builder.operation('AssignVariableOp', [handle, feed], { dtype: type.dtype });
  return { spec, handle, read, feed, assign };
}

function addProgram(
  builder: GraphBuilder,
  whole: TracedProgram,
  variables: ReadonlyMap<string, Variable>,
  { threads, operations }: TensorFlowOptions,
): Entry {
  const averaged = withRunningAverages(withFoldedBatchNorm(whole));
  const { program: traced, updates } = takeMomentumUpdates(operations ? withOwnLayers(averaged) : averaged);
  const feeds = Object.entries(traced.inputs).map(([input, spec]) => {
    const placeholder = {
      oper: builder.operation('Placeholder', [], { dtype: { type: spec.dtype }, shape: { shape: spec.shape } }),
      index: 0,
    };
    return [input, placeholder] as const;
  });
  // Each program has its own read operations, so its assignments wait only for its own reads.
  const reads: Record<string, Output> = {};
  for (const node of traced.nodes) {
    if (node.kernel !== 'State') continue;
    const entry = node.attributes.name as string;
    const { handle, spec } = variables.get(entry)!;
    reads[entry] = { oper: builder.operation('ReadVariableOp', [handle], { dtype: { type: spec.dtype } }), index: 0 };
  }
  const outputOf = lower(builder, traced, reads, Object.fromEntries(feeds), operations ? threads : undefined);
  const targets = Object.entries(traced.state).map(([entry, value]) => {
    const { handle, spec } = variables.get(entry)!;
    const after = reads[entry] ? [reads[entry].oper] : [];
    return builder.operation('AssignVariableOp', [handle, outputOf(value)], { dtype: { type: spec.dtype } }, after);
  });
  for (const { parameter, velocity, ...update } of updates) {
    const [w, v] = [variables.get(parameter)!.handle, variables.get(velocity)!.handle];
    const [learningRate, gradient, momentum] = [update.learningRate, update.gradient, update.momentum].map(outputOf);
    // It writes both variables, so it waits for the reads of both.
    const after = [parameter, velocity].flatMap(entry => reads[entry]?.oper ?? []);
    const operands = [w, v, learningRate!, gradient!, momentum!];
    targets.push(builder.operation('ResourceApplyMomentum', operands, { T: { type: 'float32' } }, after));
  }
  const fetches = Object.entries(traced.outputs).map(([output, value]) => {
    return [output, fetchable(builder, value, outputOf(value)), outputSpec(output, typeOf(value))] as const;
  });
  return { feeds, fetches, targets };
}

/** An output that can be fetched: TensorFlow does not fetch a value that is fed, so such a value gets an operation. */
function fetchable(builder: GraphBuilder, value: Value, output: Output): Output {
  if (value.node.kernel !== 'Input') return output;
  return { oper: builder.operation('Identity', [output], { T: { type: typeOf(value).dtype } }), index: 0 };
}

interface Session {
  run(
    feeds: readonly (readonly [Output, HostTensor])[],
    fetches: readonly (readonly [Output, TensorSpec])[],
    targets: readonly Pointer[],
  ): Promise<HostTensor[]>;
  close(): void;
}

function openSession(api: TensorFlow, graph: Pointer, options: TensorFlowOptions): Session {
  const sessionOptions = api.newSessionOptions();
  const config = sessionConfig(options.threads);
  api.checked('read its session options', status => api.setConfig(sessionOptions, config, config.length, status));
  const session = api.checked('open a session', status => api.newSession(graph, sessionOptions, status));
  api.deleteSessionOptions(sessionOptions);

  const run: Session['run'] = (feeds, fetches, targets) =>
    new Promise((resolve, reject) => {
      if (fetches.length + targets.length === 0) return resolve([]); // TensorFlow refuses an empty run
      const status = api.newStatus();
      const given = feeds.map(([, tensor]) => api.newTensor(tensor.dtype, tensor.shape, bytesOf(tensor)));
      const results: Pointer[] = fetches.map(() => null);
      const finished = (error: unknown) => {
        try {
          for (const tensor of given) api.deleteTensor(tensor);
          if (error) throw error;
          if (api.getCode(status) !== 0) throw runError(api.message(status));
          resolve(results.map((tensor, i) => hostTensor(fetches[i]![1], api.tensorBytes(tensor))));
        } catch (failure) {
          reject(failure);
        } finally {
          for (const tensor of results) if (tensor) api.deleteTensor(tensor);
          api.deleteStatus(status);
        }
      };
      api.sessionRun.async(
        session,
        null,
        ...[feeds.map(([placeholder]) => placeholder), given, given.length],
        ...[fetches.map(([output]) => output), results, results.length],
        ...[targets, targets.length, null, status, finished],
      );
    });
  const close = () => {
    api.checked('close its session', status => api.closeSession(session, status));
    api.checked('delete its session', status => api.deleteSession(session, status));
    api.deleteGraph(graph);
  };
  return { run, close };
}

function runtimeOf(
  session: Session,
  variables: ReadonlyMap<string, Variable>,
  entries: ReadonlyMap<string, Entry>,
  info: EngineInfo,
): Runtime {
  return {
    info,
    run: async (program, inputs) => {
      const { feeds, fetches, targets } = entries.get(program)!;
      const results = await session.run(
        feeds.map(([name, placeholder]) => [placeholder, inputs[name]!] as const),
        fetches.map(([, output, spec]) => [output, spec] as const),
        targets,
      );
      return Object.fromEntries(fetches.map(([name], i) => [name, results[i]!]));
    },
    readState: async names => {
      const all = names.map(name => variables.get(name)!);
      const values = await session.run(
        [],
        all.map(({ read, spec }) => [read, spec] as const),
        [],
      );
      return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    },
    writeState: async values => {
      const written = Object.entries(values).map(([name, value]) => [variables.get(name)!, value] as const);
      await session.run(
        written.map(([{ feed }, value]) => [feed, value] as const),
        [],
        written.map(([{ assign }]) => assign),
      );
    },
    dispose: () => session.close(),
  };
}

/**
 * Bytes of TensorFlow's ConfigProto (tensorflow/core/protobuf/config.proto): intra_op_parallelism_threads (field 2),
 * the threads inside one operation, inter_op_parallelism_threads (field 5) and graph_options (field 10). Two operations
 * run at a time: in the backward pass of a layer the gradients of its input and of its filter are independent, and the
 * second operation hides the time to wake threads (measured: a step is 5 to 10 % faster on 2 cores). The order in which
 * operations run changes no result, because each operation sums in its own order.
 */
export function sessionConfig(threads: number): Buffer {
  const rewriterConfig = message(...Object.values(graphOptimizations));
  const graphOptions = bytesField(10, rewriterConfig);
  return message(varintField(2, threads), varintField(5, Math.min(threads, 2)), bytesField(10, graphOptions));
}

function bytesOf({ data }: HostTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function runError(message: string): EngineError {
  const stopped = 'TensorFlow stopped while running';
  return (
    memoryError(stopped, new Error(message)) ??
    new EngineError(`${stopped}: ${message.split('\n', 1)[0]}`, {
      next: 'Report this with the config and the output of `gala engine list`.',
    })
  );
}
