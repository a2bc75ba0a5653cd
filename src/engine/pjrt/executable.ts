/**
 * The `xla` engine: a PJRT plugin compiles each traced program as one StableHLO module. The state is in device buffers.
 * A program that changes an entry writes the result to the entry's buffer (donation), so the state needs its memory
 * only once.
 */
import { EngineError } from '../../errors.js';
import type { HostTensor, HostTensors, TensorSpec } from '../../tensor.js';
import { matching, outputSpec } from '../hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, Precision } from '../program.js';
import { type Runtime, serialExecutable } from '../serialExecutable.js';
import { batchAxisOf } from '../stablehlo/devices.js';
import { lower, type Module } from '../stablehlo/lower.js';
import { stacked } from '../steps.js';
import { type TracedProgram, typeOf } from '../trace/ir.js';
import { trace } from '../trace/trace.js';
import type { Pjrt } from './cApi.js';
import { type Address, type Client, newClient } from './client.js';
import { withCompileCache } from './compileCache.js';
import { type DeviceTensor, deviceTensors } from './deviceTensors.js';
import type { Option } from './namedValues.js';

interface PjrtOptions {
  readonly threads: number;
  readonly precision: Precision;
  /** Number of devices that share each batch; by default 1. */
  readonly devices?: number;
  /** Options of the plugin's client. The CUDA plugin takes which GPUs it uses, and how much of their memory. */
  readonly client?: Readonly<Record<string, Option>> | undefined;
  /** Folder of compiled programs; without it nothing is kept. */
  readonly compileCache?: string | undefined;
}

/** One program. It is compiled when it is first run; each number of steps per call is a module of its own. */
interface Entry {
  readonly traced: TracedProgram;
  readonly inputs: readonly string[];
  readonly outputs: readonly (readonly [name: string, spec: TensorSpec])[];
  /** By the number of steps; the key `undefined` is the program without a loop. */
  readonly compiled: Map<number | undefined, Promise<Compiled>>;
}

interface Compiled {
  readonly module: Module;
  /** Undefined for a program without results, which is not run. */
  readonly executable: Address | undefined;
}

/** Traces the programs and uploads the first state; modules are compiled when they are needed. Throws `EngineError`. */
export async function compileForPjrt(api: Pjrt, request: CompileRequest, options: PjrtOptions): Promise<Executable> {
  const entries = new Map(
    Object.entries(request.programs).map(([name, program]) => {
      return [name, entryOf(trace(program, request.state, options.precision))];
    }),
  );
  const { devices = 1 } = options;
  const plain = newClient(api, options.client);
  const client = options.compileCache === undefined ? plain : withCompileCache(api, plain, options.compileCache);
  let state: Map<string, DeviceTensor>;
  try {
    requireDevices(client, devices);
    const names = Object.keys(request.state);
    const given = names.map(name => matching(`state entry '${name}'`, request.state[name], request.state[name]!));
    const uploaded = deviceTensors(client, devices).uploadAll(given.map(tensor => [tensor, undefined]));
    state = new Map(names.map((name, i) => [name, uploaded[i]!]));
  } catch (error) {
    client.destroy();
    throw error;
  }
  const info: EngineInfo = {
    engine: 'xla',
    version: `PJRT ${api.version}`,
    precision: options.precision,
    threads: options.threads,
    device: client.platform === 'cpu' ? 'cpu' : client.devices[0]!.kind,
    ...(devices > 1 && { devices }),
  };
  return serialExecutable(request, runtimeOf({ client, devices, specs: request.state, entries, info }, state));
}

function requireDevices({ devices, platform }: Client, wanted: number): void {
  if (wanted <= devices.length) return;
  throw new EngineError(`${wanted} devices are asked for and the plugin for ${platform} has ${devices.length}.`, {
    where: 'devices',
    next: `Set devices to ${devices.length} or less.`,
  });
}

function entryOf(traced: TracedProgram): Entry {
  const outputs = Object.entries(traced.outputs).map(
    ([output, value]) => [output, outputSpec(output, typeOf(value))] as const,
  );
  return { traced, inputs: Object.keys(traced.inputs), outputs, compiled: new Map() };
}

/** The devices and programs of one executable. */
interface Device {
  readonly client: Client;
  readonly devices: number;
  readonly specs: Readonly<Record<string, TensorSpec>>;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly info: EngineInfo;
}

function runtimeOf({ client, devices, specs, entries, info }: Device, state: Map<string, DeviceTensor>): Runtime {
  const tensors = deviceTensors(client, devices);
  const staged = new Set<DeviceTensor>();
  /** The error of a run that failed after it had donated buffers of the state. */
  const lost: { cause?: unknown } = {};
  const requireState = () => {
    if (lost.cause) throw new EngineError('The state was lost when a run failed.', { cause: lost.cause });
  };
  const compiledFor = (entry: Entry, count?: number): Promise<Compiled> => {
    const known = entry.compiled.get(count);
    if (known) return known;
    const compiling = (async () => {
      const module = lower(entry.traced, specs, { count, precision: info.precision, devices });
      const results = module.writes.length + entry.outputs.length;
      return { module, executable: results > 0 ? await client.compile(module.text, devices) : undefined };
    })();
    entry.compiled.set(count, compiling);
    return compiling;
  };
  const splitBatch = (tensor: HostTensor, inSteps: boolean) => [tensor, batchAxisOf(tensor, inSteps, devices)] as const;

  /** Runs a module on the state and on inputs, which are not destroyed. `outputs`: names and types of the outputs. */
  const execute = async (
    { module, executable }: Compiled,
    inputs: readonly DeviceTensor[],
    outputs: Entry['outputs'],
  ): Promise<HostTensors> => {
    requireState();
    if (executable === undefined) return {};
    const parameters = [...module.reads.map(name => state.get(name)!), ...inputs];
    let results: DeviceTensor[];
    try {
      results = await client.execute(executable, parameters, module.writes.length + outputs.length, devices);
    } catch (error) {
      if (module.donated.size > 0) lost.cause = error;
      throw error;
    }
    for (const [i, name] of module.writes.entries()) {
      tensors.destroy(state.get(name)!); // also a handle of a donated buffer must be destroyed
      state.set(name, results[i]!);
    }
    const returned = results.slice(module.writes.length);
    try {
      return await tensors.download(outputs.map(([name, spec], i) => [name, returned[i]!, spec] as const));
    } finally {
      for (const tensor of returned) tensors.destroy(tensor);
    }
  };

  return {
    info,
    run: async (program, inputs) => {
      const entry = entries.get(program)!;
      const compiled = await compiledFor(entry);
      const uploaded = tensors.uploadAll(entry.inputs.map(name => splitBatch(inputs[name]!, false)));
      try {
        return await execute(compiled, uploaded, entry.outputs);
      } finally {
        for (const tensor of uploaded) tensors.destroy(tensor);
      }
    },
    stage: async (program, inputs, count, runs) => {
      const entry = entries.get(program)!;
      const rows = entry.inputs.map(name => inputs[name]!);
      const uploaded = tensors.uploadAll([...rows, countTensor(count)].map(tensor => splitBatch(tensor, true)));
      for (const tensor of uploaded) staged.add(tensor);
      const dispose = () => {
        for (const tensor of uploaded) if (staged.delete(tensor)) tensors.destroy(tensor);
      };
      try {
        const compiled = await compiledFor(entry, count);
        const given = compiled.module.takesCount ? uploaded : uploaded.slice(0, -1);
        const outputs = entry.outputs.map(([name, spec]) => [name, stacked(spec, count)] as const);
        return {
          count,
          run: async () => runs.enqueue(() => execute(compiled, given, outputs)),
          dispose: () => runs.afterwards(dispose),
        };
      } catch (error) {
        dispose();
        throw error;
      }
    },
    readState: async names => {
      requireState();
      return tensors.download(names.map(name => [name, state.get(name)!, specOf(specs[name]!)] as const));
    },
    writeState: async values => {
      requireState();
      for (const [name, value] of Object.entries(values)) {
        const tensor = tensors.upload(value);
        tensors.destroy(state.get(name)!);
        state.set(name, tensor);
      }
    },
    dispose: () => {
      const compiling = [...entries.values()].flatMap(({ compiled }) => [...compiled.values()]);
      void Promise.allSettled(compiling).then(compiled => {
        for (const tensor of [...state.values(), ...staged]) tensors.destroy(tensor);
        staged.clear();
        for (const result of compiled) {
          const executable = result.status === 'fulfilled' ? result.value.executable : undefined;
          if (executable !== undefined) client.destroyExecutable(executable);
        }
        client.destroy();
      });
    },
  };
}

const countTensor = (count: number): HostTensor => ({ dtype: 'int32', shape: [], data: Int32Array.of(count) });

const specOf = ({ dtype, shape }: TensorSpec): TensorSpec => ({ dtype, shape });
