/**
 * Compiles for a GPU that need not be here: XLA takes its description in the place of the device. Nothing can be run.
 */
import type { Pjrt } from './cApi.js';
import { newCompilation } from './compilation.js';
import { namedValues } from './namedValues.js';

/** Bytes of the memory of one device. */
export interface CompiledMemory {
  readonly arguments: number;
  readonly results: number;
  /** Results that take the buffers of arguments. */
  readonly aliased: number;
  readonly temporaries: number;
}

export interface AbsentDevices {
  /** Text of XLA's GpuTargetConfigProto. */
  readonly description: string;
  /** So many of them share the program. */
  readonly count: number;
}

/** Throws `EngineError` with XLA's reason. `flags` of XLA go before those of XLA_FLAGS. */
export async function compileForAbsent(
  api: Pjrt,
  { description, count }: AbsentDevices,
  module: string,
  flags: Readonly<Record<string, string | boolean>> = {},
): Promise<CompiledMemory> {
  const given = namedValues({ target_config: description, topology: `1x1x${count}` });
  const topologyOf = () =>
    api.call('topologyCreate', [0, 0, given.address, given.count, 0], 'take a GPU’s description');
  try {
    const topology = topologyOf()[4]!;
    const { program, options, optionsBytes, free } = newCompilation(module, count, flags);
    try {
      const words = [topology, program, options, optionsBytes, 0, 0];
      const executable = (await api.callAsync('compileForTopology', words, 'compile a program'))[5]!;
      try {
        return memoryOf(api, executable);
      } finally {
        api.call('executableDestroy', [executable], 'destroy a program');
      }
    } finally {
      free();
      api.call('topologyDestroy', [topology], 'destroy a GPU’s description');
    }
  } finally {
    given.free();
  }
}

function memoryOf(api: Pjrt, executable: bigint): CompiledMemory {
  const room = Array<bigint>(12).fill(0n);
  const [, , ...sizes] = api.call('executableMemory', [executable, ...room], 'tell a program’s memory').map(Number);
  const [taken, results, aliased, temporaries] = sizes as [number, number, number, number];
  return { arguments: taken, results, aliased, temporaries };
}
