/**
 * Compiles for GPUs that are not in this machine, from a description of the GPU. The program cannot be run.
 */
import type { Pjrt } from './cApi.js';
import { newCompilation } from './compilation.js';
import { namedValues } from './namedValues.js';

/** Bytes on one device. */
export interface CompiledMemory {
  readonly arguments: number;
  readonly results: number;
  /** The part of the results that reuses buffers of arguments. */
  readonly aliased: number;
  readonly temporaries: number;
}

/**
 * Compiles the text of a StableHLO module for `devices` GPUs. `description` is the text of XLA's GpuTargetConfigProto;
 * `flags` of XLA override XLA_FLAGS. Throws `EngineError` with XLA's reason.
 */
export async function compileForAbsent(
  api: Pjrt,
  description: string,
  devices: number,
  module: string,
  flags: Readonly<Record<string, string | boolean>>,
): Promise<CompiledMemory> {
  const given = namedValues({ target_config: description, topology: `1x1x${devices}` });
  try {
    const words = [0, 0, given.address, given.count, 0];
    const topology = api.call('topologyCreate', words, 'take a GPU’s description')[4]!;
    const { program, options, optionsBytes, free } = newCompilation(module, devices, flags);
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
  const [, , ...sizes] = api.call('executableMemory', [executable, ...room], 'report a program’s memory').map(Number);
  const [taken, results, aliased, temporaries] = sizes as [number, number, number, number];
  return { arguments: taken, results, aliased, temporaries };
}
