/**
 * The `xla` engine: each traced program as one StableHLO module, compiled by a PJRT plugin. State lies in device buffers;
 * a program that changes an entry is given its buffer for the result (donation), so state takes its memory once.
 */
import { EngineError } from '../../errors.js';
import { matching } from '../hostTensor.js';
import type { CompileRequest, EngineInfo, Executable, HostTensor, HostTensors, TensorSpec } from '../program.js';
import { lower, type Module } from '../stablehlo/lower.js';
import { typeOf } from '../trace/ir.js';
import { withBf16Convolutions } from '../trace/mixedPrecision.js';
import { trace } from '../trace/trace.js';
import { loadPlugin } from './cApi.js';
import { type Address, type Client, newClient } from './client.js';

export interface PjrtOptions {
  /** The plugin's .so file. */
  readonly plugin: string;
  readonly threads: number;
  readonly precision: 'fp32' | 'bf16';
}

interface Entry {
  readonly module: Module;
  /** Undefined for a program without results: there is nothing to run. */
  readonly compiled: Address | undefined;
  readonly inputs: readonly (readonly [name: string, spec: TensorSpec])[];
  readonly outputs: readonly (readonly [name: string, spec: TensorSpec])[];
}

/** Traces, lowers and compiles the programs; uploads the initial state. Throws `EngineError`. */
export async function compileForPjrt(request: CompileRequest, options: PjrtOptions): Promise<Executable> {
  const api = loadPlugin(options.plugin, options.threads);
  const client = newClient(api);
  const entries = new Map<string, Entry>();
  const state = new Map<string, Address>();
  try {
    for (const [name, program] of Object.entries(request.programs)) {
      const traced = trace(program, request.state);
      const lowered = options.precision === 'bf16' ? withBf16Convolutions(traced) : traced;
      const outputs = Object.entries(lowered.outputs).map(([output, value]) => {
        const { dtype, shape } = typeOf(value);
        if (dtype === 'bool' || dtype === 'bfloat16')
          throw new EngineError(`The output '${output}' of the program '${name}' is ${dtype}.`, {
            next: 'Cast it to int32.',
          });
        return [output, { dtype, shape }] as const;
      });
      const module = lower(lowered, request.state);
      const results = module.writes.length + outputs.length;
      const compiled = results > 0 ? await client.compile(module.text) : undefined;
      entries.set(name, { module, compiled, inputs: Object.entries(program.inputs), outputs });
    }
    for (const [name, tensor] of Object.entries(request.state)) {
      state.set(name, client.upload(matching(`state entry '${name}'`, tensor, tensor)));
    }
  } catch (error) {
    destroyAll(client, state, entries);
    throw error;
  }
  const info: EngineInfo = {
    engine: 'xla',
    version: `PJRT ${api.version}`,
    precision: options.precision,
    threads: options.threads,
    device: client.platform,
  };
  return executableOf(client, request.state, state, entries, info);
}

function executableOf(
  client: Client,
  specs: Readonly<Record<string, TensorSpec>>,
  state: Map<string, Address>,
  entries: ReadonlyMap<string, Entry>,
  info: EngineInfo,
): Executable {
  let last: Promise<unknown> = Promise.resolve();
  let disposed = false;
  let broken: unknown;
  /** Runs follow one another: a second one would take buffers that the first gives away. */
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    if (disposed) throw new EngineError('The executable was disposed and is used again.');
    const result = last.then(() => {
      if (broken) throw new EngineError('The state was lost when a run failed.', { cause: broken });
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  };

  const runEntry = async ({ module, compiled, inputs, outputs }: Entry, given: readonly HostTensor[]) => {
    if (compiled === undefined) return {};
    const uploaded: Address[] = [];
    let results: Address[];
    try {
      for (const tensor of given) uploaded.push(client.upload(tensor));
      const parameters = [...module.reads.map(name => state.get(name)!), ...uploaded];
      results = await client.execute(compiled, parameters, module.writes.length + outputs.length);
    } catch (error) {
      if (uploaded.length === inputs.length && module.donated.size > 0) broken = error;
      throw error;
    } finally {
      for (const buffer of uploaded) client.destroyBuffer(buffer);
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
      const entry = entries.get(program);
      if (!entry)
        throw new EngineError(`There is no program '${program}'; there are: ${[...entries.keys()].join(', ')}.`);
      const given = entry.inputs.map(([name, spec]) => matching(`input '${name}'`, inputs[name], spec));
      return enqueue(() => runEntry(entry, given));
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
      void last.then(() => destroyAll(client, state, entries));
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

function destroyAll(client: Client, state: ReadonlyMap<string, Address>, entries: ReadonlyMap<string, Entry>): void {
  for (const buffer of state.values()) client.destroyBuffer(buffer);
  for (const { compiled } of entries.values()) if (compiled !== undefined) client.destroyExecutable(compiled);
  client.destroy();
}

const specOf = ({ dtype, shape }: TensorSpec): TensorSpec => ({ dtype, shape });
