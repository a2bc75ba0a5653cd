/**
 * The `xla` engine: each traced program as one StableHLO module, compiled by a PJRT plugin. State lies in device buffers;
 * a program that changes an entry is given its buffer for the result (donation), so state takes its memory once.
 */
import { EngineError } from '../../errors.js';
import { matching } from '../hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, HostTensor, HostTensors, TensorSpec } from '../program.js';
import { lower, type Module } from '../stablehlo/lower.js';
import { stacked, stepCount } from '../stackedSteps.js';
import { type TracedProgram, typeOf } from '../trace/ir.js';
import { withBf16Convolutions } from '../trace/mixedPrecision.js';
import { trace } from '../trace/trace.js';
import { loadPlugin, type Pjrt, type PluginFile } from './cApi.js';
import { type Address, type Client, newClient } from './client.js';
import { withCompileCache } from './compileCache.js';
import type { Option } from './namedValues.js';

export interface PjrtOptions {
  readonly threads: number;
  readonly precision: 'fp32' | 'bf16';
  /** Options of the plugin's client: for the CUDA plugin which GPUs it takes, and how much of their memory. */
  readonly client?: Readonly<Record<string, Option>> | undefined;
  /** Folder of compiled programs; without it every program is compiled anew. */
  readonly compileCache?: string | undefined;
}

/** One program, compiled when it is first run; steps of it are another module for each count. */
interface Entry {
  readonly traced: TracedProgram;
  readonly inputs: readonly (readonly [name: string, spec: TensorSpec])[];
  readonly outputs: readonly (readonly [name: string, spec: TensorSpec])[];
  /** By count of steps; `undefined` is the program itself. */
  readonly compiled: Map<number | undefined, Promise<Compiled>>;
}

interface Compiled {
  readonly module: Module;
  /** Undefined for a program without results: there is nothing to run. */
  readonly executable: Address | undefined;
}

/** Traces the programs and uploads the initial state; modules are lowered and compiled as they are needed. Throws `EngineError`. */
export async function compileForPjrt(
  request: CompileRequest,
  { plugin, ...options }: PjrtOptions & { readonly plugin: PluginFile },
): Promise<Executable> {
  return compileWith(loadPlugin(plugin, options.threads), request, options);
}

/** As `compileForPjrt`, with a plugin that is loaded. */
export async function compileWith(api: Pjrt, request: CompileRequest, options: PjrtOptions): Promise<Executable> {
  const entries = new Map(
    Object.entries(request.programs).map(([name, program]) => {
      const traced = trace(program, request.state);
      const inPrecision = options.precision === 'bf16' ? withBf16Convolutions(traced) : traced;
      return [name, entryOf(name, inPrecision)];
    }),
  );
  const plain = newClient(api, options.client);
  const client = options.compileCache === undefined ? plain : withCompileCache(api, plain, options.compileCache);
  const state = new Map<string, Address>();
  try {
    for (const [name, tensor] of Object.entries(request.state)) {
      state.set(name, client.upload(matching(`state entry '${name}'`, tensor, tensor)));
    }
  } catch (error) {
    for (const buffer of state.values()) client.destroyBuffer(buffer);
    client.destroy();
    throw error;
  }
  const info: EngineInfo = {
    engine: 'xla',
    version: `PJRT ${api.version}`,
    precision: options.precision,
    threads: options.threads,
    device: client.platform === 'cpu' ? 'cpu' : client.devices[0]!.kind,
  };
  return executableOf(client, request.state, state, entries, info);
}

function entryOf(name: string, traced: TracedProgram): Entry {
  const outputs = Object.entries(traced.outputs).map(([output, value]) => {
    const { dtype, shape } = typeOf(value);
    if (dtype === 'bool' || dtype === 'bfloat16')
      throw new EngineError(`The output '${output}' of the program '${name}' is ${dtype}.`, {
        next: 'Cast it to int32.',
      });
    return [output, { dtype, shape }] as const;
  });
  return { traced, inputs: Object.entries(traced.inputs), outputs, compiled: new Map() };
}

function executableOf(
  client: Client,
  specs: Readonly<Record<string, TensorSpec>>,
  state: Map<string, Address>,
  entries: ReadonlyMap<string, Entry>,
  info: EngineInfo,
): Executable {
  const staged = new Set<Address>();
  let last: Promise<unknown> = Promise.resolve();
  let disposed = false;
  let broken: unknown;
  const refuseDisposed = () => {
    if (disposed) throw new EngineError('The executable was disposed and is used again.');
  };
  /** Runs follow one another: a second one would take buffers that the first gives away. */
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    refuseDisposed();
    const result = last.then(() => {
      if (broken) throw new EngineError('The state was lost when a run failed.', { cause: broken });
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  };
  const entryNamed = (program: string): Entry => {
    const entry = entries.get(program);
    if (entry) return entry;
    throw new EngineError(`There is no program '${program}'; there are: ${[...entries.keys()].join(', ')}.`);
  };
  const compiledFor = (entry: Entry, count?: number): Promise<Compiled> => {
    const known = entry.compiled.get(count);
    if (known) return known;
    const compiling = (async () => {
      const module = lower(entry.traced, specs, count);
      const results = module.writes.length + entry.outputs.length;
      return { module, executable: results > 0 ? await client.compile(module.text) : undefined };
    })();
    entry.compiled.set(count, compiling);
    return compiling;
  };
  const uploadAll = (tensors: readonly HostTensor[]): Address[] => {
    const buffers: Address[] = [];
    try {
      for (const tensor of tensors) buffers.push(client.upload(tensor));
      return buffers;
    } catch (error) {
      for (const buffer of buffers) client.destroyBuffer(buffer);
      throw error;
    }
  };

  /** Runs on the state and the inputs' buffers, which stay; outputs are of the types `outputs`. */
  const execute = async ({ module, executable }: Compiled, inputs: readonly Address[], outputs: Entry['outputs']) => {
    if (executable === undefined) return {};
    const parameters = [...module.reads.map(name => state.get(name)!), ...inputs];
    let results: Address[];
    try {
      results = await client.execute(executable, parameters, module.writes.length + outputs.length);
    } catch (error) {
      if (module.donated.size > 0) broken = error;
      throw error;
    }
    for (const [i, name] of module.writes.entries()) {
      client.destroyBuffer(state.get(name)!); // given away or replaced: its handle is still ours to destroy
      state.set(name, results[i]!);
    }
    const returned = results.slice(module.writes.length);
    try {
      return await downloadAll(
        client,
        outputs.map(([name, spec], i) => [name, returned[i]!, spec] as const),
      );
    } finally {
      for (const buffer of returned) client.destroyBuffer(buffer);
    }
  };

  return {
    info,
    run: async (program, inputs) => {
      const entry = entryNamed(program);
      const given = entry.inputs.map(([name, spec]) => matching(`input '${name}'`, inputs[name], spec));
      return enqueue(async () => {
        const compiled = await compiledFor(entry);
        const buffers = uploadAll(given);
        try {
          return await execute(compiled, buffers, entry.outputs);
        } finally {
          for (const buffer of buffers) client.destroyBuffer(buffer);
        }
      });
    },
    stage: async (program, inputs) => {
      refuseDisposed();
      const entry = entryNamed(program);
      const count = stepCount(inputs);
      const tensors = entry.inputs.map(([name, spec]) =>
        matching(`stacked input '${name}'`, inputs[name], stacked(spec, count)),
      );
      const buffers = uploadAll([...tensors, countTensor(count)]);
      for (const buffer of buffers) staged.add(buffer);
      const dispose = () => {
        for (const buffer of buffers) if (staged.delete(buffer)) client.destroyBuffer(buffer);
      };
      try {
        const compiled = await compiledFor(entry, count);
        const given = compiled.module.takesCount ? buffers : buffers.slice(0, -1);
        const outputs = entry.outputs.map(([name, spec]) => [name, stacked(spec, count)] as const);
        return {
          count,
          run: async () => enqueue(() => execute(compiled, given, outputs)),
          dispose: () => void last.then(dispose),
        };
      } catch (error) {
        dispose();
        throw error;
      }
    },
    readState: () =>
      enqueue(() =>
        downloadAll(
          client,
          [...state].map(([name, buffer]) => [name, buffer, specOf(specs[name]!)] as const),
        ),
      ),
    writeState: async values => {
      const written = Object.entries(values).map(([name, value]) => {
        const spec = specs[name];
        if (!spec) throw new EngineError(`There is no state entry '${name}'.`);
        return [name, matching(`state entry '${name}'`, value, spec)] as const;
      });
      await enqueue(async () => {
        for (const [name, value] of written) {
          const buffer = client.upload(value);
          client.destroyBuffer(state.get(name)!);
          state.set(name, buffer);
        }
      });
    },
    dispose: () => {
      if (disposed) return;
      disposed = true;
      const compiling = [...entries.values()].flatMap(({ compiled }) => [...compiled.values()]);
      void Promise.allSettled([last, ...compiling]).then(([, ...compiled]) => {
        for (const buffer of [...state.values(), ...staged]) client.destroyBuffer(buffer);
        staged.clear();
        for (const result of compiled as PromiseSettledResult<Compiled>[]) {
          const executable = result.status === 'fulfilled' ? result.value.executable : undefined;
          if (executable !== undefined) client.destroyExecutable(executable);
        }
        client.destroy();
      });
    },
  };
}

/** One after the other: koffi bounds how many calls may be under way. */
async function downloadAll(
  client: Client,
  buffers: readonly (readonly [name: string, buffer: Address, spec: TensorSpec])[],
): Promise<HostTensors> {
  const values: HostTensors = {};
  for (const [name, buffer, spec] of buffers) values[name] = await client.download(buffer, spec);
  return values;
}

const countTensor = (count: number): HostTensor => ({ dtype: 'int32', shape: [], data: Int32Array.of(count) });

const specOf = ({ dtype, shape }: TensorSpec): TensorSpec => ({ dtype, shape });
