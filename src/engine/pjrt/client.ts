/** A PJRT client: it compiles modules, runs them, and copies tensors to and from its devices. */
import { EngineError } from '../../errors.js';
import { type Address, bytesAt, newBlock, type Pjrt } from './cApi.js';
import { newCompilation } from './compilation.js';
import { namedValues, type Option } from './namedValues.js';
import { settled, type Transfers, transfersOf } from './transfers.js';

export type { Address } from './cApi.js';

/**
 * The size with the last field multi_slice_config, new in API 0.97. Older plugins ignore fields that they do not know.
 */
const executeOptionsBytes = 120;

interface Device {
  /** The model, for instance `NVIDIA H200`; `cpu` for the CPU plugin. */
  readonly kind: string;
  readonly address: Address;
}

export interface Client extends Omit<Transfers, 'uploadsDone'> {
  /** For instance `cpu` or `cuda`. */
  readonly platform: string;
  /** The plugin's text on its version, for instance that of CUDA. */
  readonly platformVersion: string;
  /** The devices that this process can use, at least one. */
  readonly devices: readonly Device[];
  /** Compiles the text of a StableHLO module for the first `devices` devices, on another thread. */
  compile(text: string, devices?: number): Promise<Address>;
  /**
   * The compiled program as bytes for `load` of the same plugin on the same kind of device. Throws `EngineError` where
   * the plugin cannot serialize.
   */
  serialize(executable: Address): Uint8Array;
  load(bytes: Uint8Array): Promise<Address>;
  /**
   * Runs an executable, which has one result or more, to its end. Each parameter and each result has one buffer per
   * device; `devices` is the number of devices that the executable was compiled for.
   */
  execute(
    executable: Address,
    parameters: readonly (readonly Address[])[],
    results: number,
    devices?: number,
  ): Promise<Address[][]>;
  destroyBuffer(buffer: Address): void;
  destroyExecutable(executable: Address): void;
  /** The caller must destroy all buffers and executables before. */
  destroy(): void;
}

/** Creates a client of the plugin. Throws `EngineError` with the plugin's reason where there is no device. */
export function newClient(api: Pjrt, options: Readonly<Record<string, Option>> = {}): Client {
  const given = namedValues(options);
  let client: Address;
  try {
    const words = [given.address, given.count, 0, 0, 0, 0, 0, 0, 0];
    client = api.call('clientCreate', words, 'make a client')[6]!;
  } finally {
    given.free();
  }
  const platform = textOf(api.call('platformName', [client, 0, 0], 'name its platform'));
  const devices = devicesOf(api, client);
  if (devices.length === 0) throw new EngineError(`The PJRT plugin for ${platform} has no device.`);

  const { upload, download, uploadsDone } = transfersOf(api, client, devices);

  return {
    platform,
    platformVersion: textOf(api.call('platformVersion', [client, 0, 0], 'report its version')),
    devices,
    compile: async (text, count = 1) => {
      const { program, options, optionsBytes, free } = newCompilation(text, count);
      try {
        return (await api.callAsync('compile', [client, program, options, optionsBytes, 0], 'compile a program'))[4]!;
      } finally {
        free();
      }
    },
    serialize: loaded => {
      const executable = api.call('loadedExecutableGet', [loaded, 0], 'return a program')[1]!;
      try {
        const [, bytes, size, owner, free] = api.call(
          'executableSerialize',
          [executable, 0, 0, 0, 0],
          'store a program',
        );
        try {
          return bytesAt(bytes!, Number(size));
        } finally {
          api.release(free!, owner!);
        }
      } finally {
        api.call('executableDestroy', [executable], 'destroy a program');
      }
    },
    load: async bytes => {
      const block = newBlock(bytes.length);
      block.bytes.set(bytes);
      try {
        const words = [client, block.address, bytes.length, 0, 0, 0];
        return (await api.callAsync('deserializeAndLoad', words, 'load a stored program'))[3]!;
      } finally {
        block.free();
      }
    },
    upload,
    download,
    execute: async (executable, parameters, results, count = 1) => {
      const layout = executionLayout(parameters.length, results, count);
      const block = newBlock(8 * layout.words);
      const at = (word: number) => block.address + BigInt(8 * word);
      block.words[0] = BigInt(executeOptionsBytes);
      for (let device = 0; device < count; device++) {
        const [firstParameter, firstResult] = [layout.parameters(device), layout.results(device)];
        for (const [i, parameter] of parameters.entries()) block.words[firstParameter + i] = parameter[device]!;
        block.words[layout.parameterLists + device] = at(firstParameter);
        block.words[layout.resultLists + device] = at(firstResult);
      }
      const { parameterLists, resultLists, events } = layout;
      try {
        const lists = [at(parameterLists), count, parameters.length, at(resultLists), at(events)];
        await api.callAsync('execute', [executable, block.address, ...lists, 0], 'run a program');
        const buffers = Array.from({ length: results }, (_, i) =>
          Array.from({ length: count }, (_, device) => block.words[layout.results(device) + i]!),
        );
        const ends = await Promise.allSettled(
          [...block.words.slice(events, events + count)].map(event => settled(api, event, 'run a program')),
        );
        const failed = ends.find(end => end.status === 'rejected');
        if (!failed) return buffers;
        for (const buffer of buffers.flat()) api.call('bufferDestroy', [buffer], 'destroy a buffer');
        throw failed.reason;
      } finally {
        block.free();
      }
    },
    destroyBuffer: buffer => void api.call('bufferDestroy', [buffer], 'destroy a buffer'),
    destroyExecutable: executable => void api.call('loadedExecutableDestroy', [executable], 'destroy a program'),
    destroy: () => void uploadsDone().then(() => api.call('clientDestroy', [client], 'destroy its client')),
  };
}

function devicesOf(api: Pjrt, client: Address): Device[] {
  const [, list, count] = api.call('addressableDevices', [client, 0, 0], 'list its devices');
  const addresses = new BigUint64Array(bytesAt(list!, 8 * Number(count)).buffer);
  return Array.from(addresses, address => {
    const description = api.call('deviceDescription', [address, 0], 'describe a device')[1]!;
    return { kind: textOf(api.call('deviceKind', [description, 0, 0], 'name a device')), address };
  });
}

/** The text in the words of a call: after one argument its address and its length. */
function textOf([, address, length]: readonly bigint[]): string {
  return new TextDecoder().decode(bytesAt(address!, Number(length)));
}

/** The layout of an execution's options, lists and events in one block: offsets in words. */
function executionLayout(parameters: number, results: number, devices: number) {
  const first = executeOptionsBytes / 8;
  const perDevice = parameters + results;
  const parameterLists = first + devices * perDevice;
  return {
    /** Buffers of the parameters of a device, and of its results behind them. */
    parameters: (device: number) => first + device * perDevice,
    results: (device: number) => first + device * perDevice + parameters,
    /** Per device the address of the buffers above. */
    parameterLists,
    resultLists: parameterLists + devices,
    events: parameterLists + 2 * devices,
    words: parameterLists + 3 * devices,
  };
}
