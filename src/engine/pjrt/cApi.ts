/**
 * The PJRT C API (xla/pjrt/c/pjrt_c_api.h) through koffi.
 *
 * A plugin exports one function, GetPjrtApi, which returns a table of 64-bit words: its size, an extension pointer, the
 * version (size, extension, two ints), and then one function pointer per word. Every function takes one struct (its
 * size, an extension pointer, then words) and returns an error or null. Newer versions append functions and fields. A
 * plugin reads a struct only up to the size in its first word, and refuses a struct that is too short for it; XLA
 * accepts structs without a new field for some months. API 0.81, 0.112 (jax 0.10.2) and 0.115 (jax 0.11.2) accept the
 * sizes here.
 */
import { existsSync } from 'node:fs';
import { EngineError } from '../../errors.js';
import { loadKoffi, openLibrary } from '../../io/koffi.js';
import { usableCores } from '../../machine/cpu.js';
import { memoryError } from '../../machine/memory.js';
import { prepareEnvironment } from '../environment.js';
import { type CudaMajor, isSpareLibrary } from './cudaLibraries.js';
import { cudaXlaFlags, withFlags } from './xlaFlags.js';

const koffi = loadKoffi();

/** The address of an object of the plugin, or of native memory. */
export type Address = bigint;

/** Index of each function in the table. */
const functions = {
  errorDestroy: 0,
  errorMessage: 1,
  pluginInitialize: 3,
  eventDestroy: 5,
  eventIsReady: 6,
  eventAwait: 8,
  clientCreate: 10,
  clientDestroy: 11,
  platformName: 12,
  platformVersion: 14,
  addressableDevices: 16,
  compile: 20,
  bufferFromHost: 22,
  deviceKind: 26,
  deviceDescription: 29,
  executableDestroy: 40,
  executableSerialize: 49,
  loadedExecutableDestroy: 50,
  loadedExecutableGet: 51,
  execute: 55,
  deserializeAndLoad: 56,
  bufferDestroy: 58,
  toHostBuffer: 70,
  topologyCreate: 82,
  topologyDestroy: 83,
  compileForTopology: 89,
  executableMemory: 96,
} as const;
export type FunctionName = keyof typeof functions;

const tableStart = 5;
const neededBytes = 8 * (tableStart + Math.max(...Object.values(functions)) + 1);

/** Native memory of whole words, first all zero. The caller of `newBlock` frees it. */
export interface Block {
  readonly address: Address;
  readonly words: BigUint64Array;
  readonly bytes: Uint8Array;
  free(): void;
}

export function newBlock(byteLength: number): Block {
  const size = Math.max(8, Math.ceil(byteLength / 8) * 8);
  const pointer = koffi.alloc('uint8', size);
  const bytes = new Uint8Array(koffi.view(pointer, size));
  bytes.fill(0);
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, size / 8);
  return { address: koffi.address(pointer), words, bytes, free: () => koffi.free(pointer) };
}

/** A copy of `length` bytes of the plugin's memory. */
export function bytesAt(address: Address, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : new Uint8Array(koffi.view(address, length).slice(0));
}

export interface Pjrt {
  /** The plugin's file. */
  readonly path: string;
  /** Version of the plugin's API, for instance `0.81`. */
  readonly version: string;
  /** CUDA's major version; undefined for a plugin that is not known to be for CUDA. */
  readonly cuda: CudaMajor | undefined;
  /**
   * Calls a function with these words after the struct's size and extension pointer. Returns the words after the call,
   * with the plugin's results. `what` completes the error message "The PJRT plugin could not …". Throws
   * `EngineError`.
   */
  call(name: FunctionName, words: readonly (bigint | number)[], what: string): bigint[];
  /** The same call on another thread. */
  callAsync(name: FunctionName, words: readonly (bigint | number)[], what: string): Promise<bigint[]>;
  /** Calls a function `void f(void*)` that the plugin returned to free an object. */
  release(f: Address, argument: Address): void;
}

/** A plugin's file, and what it needs before it is loaded. */
export interface PluginFile {
  readonly path: string;
  /** Libraries that the plugin looks up by name; they are loaded before it, in this order. */
  readonly libraries?: readonly string[];
  /** CUDA's major version; absent for a plugin that is not known to be for CUDA. */
  readonly cuda?: CudaMajor;
  /** The folder of CUDA with bin/ptxas and nvvm/libdevice. */
  readonly cudaFolder?: string | undefined;
}

const loaded = new Map<string, Pjrt>();

/**
 * Loads a plugin, once per process. `threads` holds for the whole process: a plugin for CPUs makes its thread pool with
 * its first client. Throws `EngineError`: file missing, not a plugin, too old.
 */
export function loadPlugin(plugin: PluginFile, threads = usableCores()): Pjrt {
  const { path } = plugin;
  const known = loaded.get(path);
  if (known) return known;
  if (!existsSync(path))
    throw new EngineError('The file of the PJRT plugin does not exist.', { where: path, next: pluginRemedy });
  // XLA reads NPROC when it makes its thread pools, and logging variables when the library is loaded.
  process.env.NPROC = String(threads);
  prepareEnvironment();
  if (plugin.cudaFolder !== undefined)
    process.env.XLA_FLAGS = withFlags(process.env.XLA_FLAGS, { xla_gpu_cuda_data_dir: plugin.cudaFolder });
  const table = tableOf(plugin);
  const head = new DataView(koffi.view(table, 8 * tableStart));
  const size = Number(head.getBigUint64(0, true));
  const minor = head.getInt32(36, true);
  const version = requireVersion(path, size, head.getInt32(32, true), minor);
  const flags = plugin.cuda === undefined ? undefined : cudaXlaFlags(process.env.XLA_FLAGS, minor);
  if (flags !== undefined) process.env.XLA_FLAGS = flags;
  const api = bind(plugin, new BigUint64Array(koffi.view(table, neededBytes)), version);
  api.call('pluginInitialize', [], 'initialise the plugin');
  loaded.set(path, api);
  return api;
}

const pluginRemedy =
  'Run `gala engine install --xla-cpu` (for GPUs `--cuda`), or point GALA_PJRT_PLUGIN to the .so file ' +
  'of a PJRT plugin.';

function tableOf({ path, libraries = [] }: PluginFile): Address {
  try {
    for (const library of libraries) {
      try {
        openLibrary(library, { shared: true });
      } catch (cause) {
        if (!isSpareLibrary(library)) throw cause;
      }
    }
    return openLibrary(path).func('void* GetPjrtApi()')() as Address;
  } catch (cause) {
    const short = memoryError('the PJRT plugin could not be loaded', cause);
    if (short) throw short;
    const isLibrary = /GetPjrtApi/.test((cause as Error).message);
    const what = isLibrary ? 'is not a PJRT plugin: it has no function GetPjrtApi' : 'could not be loaded';
    const reason = isLibrary ? '' : `: ${(cause as Error).message}`;
    throw new EngineError(`The library ${what}${reason}.`, { where: path, next: pluginRemedy, cause });
  }
}

/** Returns the API version as text. Throws `EngineError` where the table lacks functions that gala uses. */
export function requireVersion(path: string, tableBytes: number, major: number, minor: number): string {
  const version = `${major}.${minor}`;
  if (major === 0 && tableBytes >= neededBytes) return version;
  const age = major === 0 ? 'an older' : 'a different';
  throw new EngineError(
    `The PJRT plugin has ${age} version of the PJRT C API than gala needs: ${version} with a table of ${tableBytes} ` +
      `bytes (needed: 0.x with ${neededBytes} bytes).`,
    { where: path, next: pluginRemedy },
  );
}

function bind({ path, cuda }: PluginFile, table: BigUint64Array, version: string): Pjrt {
  const prototype = koffi.proto('void* (void*)');
  const releasing = koffi.proto('void (void*)');
  const bound = Object.fromEntries(
    Object.entries(functions).map(([name, slot]) => [name, koffi.decode(table[tableStart + slot]!, prototype)]),
  ) as Record<FunctionName, ((struct: Address) => Address | null) & { async(...given: unknown[]): void }>;

  const prepare = (words: readonly (bigint | number)[]): Block => {
    const block = newBlock(8 * (words.length + 2));
    block.words[0] = BigInt(block.words.byteLength);
    for (const [i, word] of words.entries()) block.words[i + 2] = BigInt(word);
    return block;
  };
  /** Reads the message of an error and destroys the error. */
  const messageOf = (error: Address): string => {
    const asked = prepare([error, 0, 0]);
    bound.errorMessage(asked.address);
    const message = new TextDecoder().decode(bytesAt(asked.words[3]!, Number(asked.words[4])));
    asked.free();
    const destroyed = prepare([error]);
    bound.errorDestroy(destroyed.address);
    destroyed.free();
    return message;
  };
  const finish = (block: Block, error: Address | null, what: string): bigint[] => {
    const words = [...block.words.slice(2)];
    block.free();
    if (error) throw pluginError(what, messageOf(error));
    return words;
  };

  return {
    path,
    version,
    cuda,
    release: (f, argument) => void koffi.decode(f, releasing)(argument),
    call: (name, words, what) => {
      const block = prepare(words);
      return finish(block, bound[name](block.address), what);
    },
    callAsync: (name, words, what) =>
      new Promise((resolve, reject) => {
        const block = prepare(words);
        bound[name].async(block.address, (failure: unknown, error: Address | null) => {
          if (failure) return reject(failure);
          try {
            resolve(finish(block, error, what));
          } catch (refused) {
            reject(refused);
          }
        });
      }),
  };
}

function pluginError(what: string, message: string): EngineError {
  return new EngineError(`The PJRT plugin could not ${what}: ${message.trim()}`, { next: remedyFor(message) });
}

function remedyFor(message: string): string | undefined {
  if (/RESOURCE_EXHAUSTED|out of memory/i.test(message))
    return 'Use a smaller batch size (train.batch_size, eval.batch_size).';
  if (/No visible GPU/.test(message))
    return '`gala doctor` shows what the driver sees (CUDA_VISIBLE_DEVICES counts). To run on the CPU: --device cpu.';
  return undefined;
}
