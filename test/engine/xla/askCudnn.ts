/**
 * Asks cuDNN which engines it has for a convolution on an H200 that is not there, on koffi's stack for asynchronous
 * calls, as XLA asks while it compiles. A process of its own, for too small a stack ends it: node askCudnn.js FOLDER-
 * OF-CUDNN prints how many engines each way of choosing names.
 */
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openLibrary } from '../../../src/engine/nativeLibrary.js';
import { loadKoffi } from '../../../src/koffi.js';

const koffi = loadKoffi();

type Descriptor = unknown;

// Values of cudnn_graph.h
const kinds = {
  convolution: 1,
  engineConfig: 3,
  heuristics: 4,
  forward: 10,
  graph: 15,
  tensor: 17,
  device: 38,
} as const;
const types = {
  dataType: 1,
  boolean: 2,
  int64: 3,
  float: 4,
  mode: 7,
  heuristicMode: 8,
  descriptor: 15,
  char: 24,
} as const;
const [bfloat16, float32] = [9, 0];
const crossCorrelation = 1;
const heuristicModes = { A: 3, B: 1, fallback: 2 } as const;

/** The properties of an H200 that cuDNN bases its choice on, by the names of its own JSON. */
const h200 = {
  deviceName: 'NVIDIA H200',
  deviceVer: 900,
  driverVer: 13010,
  cudaDeviceId: 0,
  pciDeviceId: 0,
  isTccDriver: 0,
  supportCoopLaunch: 1,
  multiProcessorCount: 132,
  smClockRateKHz: 1_980_000,
  memClockRateKHz: 3_201_000,
  totalGlobalMem: 151_397_597_184,
  l2CacheSize: 62_914_560,
  warpSize: 32,
  maxGridSize: [2_147_483_647, 65_535, 65_535],
  maxBlockSize: [1024, 1024, 64],
  maxThreadsPerBlock: 1024,
  maxThreadsPerSM: 2048,
  maxCtasPerSM: 32,
  regsPerBlock: 65_536,
  maxRegistersPerSM: 65_536,
  maxSharedMemoryPerBlock: 49_152,
  maxSharedMemoryPerBlockOptin: 232_448,
  reservedSharedMemoryPerBlock: 1024,
};

const folder = process.argv[2]!;
const library = openLibrary(join(folder, 'libcudnn.so.9'));
const create = library.func('int cudnnBackendCreateDescriptor(int, _Out_ void**)');
const set = library.func('int cudnnBackendSetAttribute(void*, int, int, int64, void*)');
const get = library.func('int cudnnBackendGetAttribute(void*, int, int, int64, _Out_ int64*, void*)');
const finalize = library.func('int cudnnBackendFinalize(void*)');

function succeeded(status: number, what: string): void {
  if (status !== 0) throw new Error(`cuDNN: ${what} returned status ${status}`);
}

/** A descriptor with attributes by number: the type of each, and its values as they lie in memory. */
function described(
  kind: keyof typeof kinds,
  attributes: Readonly<Record<number, readonly [keyof typeof types, ArrayBufferView & { length: number }]>>,
): Descriptor {
  const made: Descriptor[] = [null];
  succeeded(create(kinds[kind], made), `create ${kind}`);
  for (const [attribute, [type, values]] of Object.entries(attributes))
    succeeded(set(made[0], Number(attribute), types[type], values.length, values), `set ${attribute} of ${kind}`);
  return made[0];
}
function complete(descriptor: Descriptor): Descriptor {
  succeeded(finalize(descriptor), 'finalize');
  return descriptor;
}
const integers = (...values: number[]) => ['int64', BigInt64Array.from(values, BigInt)] as const;
const number = (value: number) => ['float', Float32Array.of(value)] as const;
const descriptor = (value: Descriptor) => ['descriptor', BigUint64Array.of(koffi.address(value))] as const;

/** bfloat16 `[batch, channels, size, size]`, channels innermost in memory. */
const image = (id: number, batch: number, channels: number, size: number) =>
  complete(
    described('tensor', {
      900: integers(32), // alignment in bytes
      901: ['dataType', Int32Array.of(bfloat16!)],
      902: integers(batch, channels, size, size),
      903: integers(channels * size * size, 1, channels * size, channels),
      906: integers(id),
    }),
  );
const convolution = complete(
  described('convolution', {
    100: ['dataType', Int32Array.of(float32!)],
    101: ['mode', Int32Array.of(crossCorrelation)],
    102: integers(1, 1),
    103: integers(1, 1),
    104: integers(1, 1),
    105: integers(1, 1),
    106: integers(2),
  }),
);
const forward = complete(
  described('forward', {
    700: number(1),
    701: number(0),
    702: descriptor(convolution),
    703: descriptor(image(1, 64, 64, 3)),
    704: descriptor(image(2, 64, 64, 8)),
    705: descriptor(image(3, 64, 64, 8)),
  }),
);
const graph = complete(described('graph', { 801: descriptor(forward) }));
const device = complete(described('device', { 2702: ['char', Buffer.from(JSON.stringify(h200))] }));
const engines: Record<string, number> = {};
for (const [mode, value] of Object.entries(heuristicModes)) {
  const heuristics = described('heuristics', {
    200: ['heuristicMode', Int32Array.of(value)],
    201: descriptor(graph),
    204: descriptor(device),
  });
  succeeded((await promisify(finalize.async)(heuristics)) as number, `ask in mode ${mode}`);
  const count = [0];
  succeeded(get(heuristics, 202, types.descriptor, 0, count, null), 'count the engines');
  engines[mode] = count[0]!;
}
console.log(JSON.stringify(engines));
