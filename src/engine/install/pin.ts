/**
 * The engines that this version of gala is tested with: wheels, their checksums, the few files of them that are kept.
 */
import { basename } from 'node:path';
import { sha256 } from '../../io/hash.js';

export interface WheelPin {
  /** Name of the project in the Python package index. */
  readonly name: string;
  readonly version: string;
  readonly wheel: string;
  readonly wheelBytes: number;
  readonly sha256: string;
  /** Of the members: sha256 of the lines that `sha256sum` prints for them, in their order. */
  readonly contentSha256?: string;
  /** Tags that `pip download` is asked for, whatever Python runs it. */
  readonly pythonVersion: string;
  readonly platformTag: string;
  /** The wheel is built against this C library or newer. */
  readonly minimumGlibc: string;
  /** Members of the wheel that are kept, with their unpacked sizes. They land side by side in the engine's folder … */
  readonly members: readonly { readonly path: string; readonly bytes: number }[];
  /**
   * Members that building against the library takes; they keep their folders, below `include/` in the engine's folder.
   */
  readonly headers?: readonly string[];
  /** … or, where there is this list, in the folders that they have in the wheel, with those of the wheels listed. */
  readonly companions?: readonly WheelPin[];
}

/** TensorFlow 2.21 for CPUs: its two libraries export the whole C API, so nothing of Python is needed at run time. */
export const tensorflowCpu: WheelPin = {
  name: 'tensorflow-cpu',
  version: '2.21.0',
  wheel: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  wheelBytes: 273_829_956,
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  contentSha256: '03da2776ed06c06c4fa3d06a0acd6d4bb899086c995502bb49d4dc8c25765300',
  pythonVersion: '3.11',
  platformTag: 'manylinux_2_27_x86_64',
  minimumGlibc: '2.27',
  members: [
    { path: 'tensorflow/libtensorflow_framework.so.2', bytes: 65_222_328 },
    { path: 'tensorflow/libtensorflow_cc.so.2', bytes: 788_086_608 },
    { path: 'tensorflow/include/LICENSE', bytes: 11_361 },
    { path: 'tensorflow/THIRD_PARTY_NOTICES.txt', bytes: 466_978 },
  ],
  // What the addon of tfjs-node-gpu includes, and what that includes: 0.1 MB.
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
 * XLA for CPUs as a PJRT plugin, by the OpenXLA authors: what the `xla` engine is tested with where there is no GPU.
 */
export const xlaCpu: WheelPin = {
  name: 'xla-cpu-pjrt',
  version: '0.0.1',
  wheel: 'xla_cpu_pjrt-0.0.1-py3-none-manylinux_2_27_x86_64.whl',
  wheelBytes: 63_461_052,
  sha256: '55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc',
  contentSha256: 'c062c6edbff3bb2fc793a16b5e60aea1035c1835d766a78d12cd700ba81ad305',
  pythonVersion: '3.11',
  platformTag: 'manylinux_2_27_x86_64',
  minimumGlibc: '2.27',
  members: [{ path: 'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so', bytes: 259_284_552 }],
};

/** The wheels of an engine, its own first. */
export function wheelsOf(pin: WheelPin): readonly WheelPin[] {
  return [pin, ...(pin.companions ?? [])];
}

/** Where a member of one of the engine's wheels lands in the engine's folder. */
export function targetOf(pin: WheelPin, member: string): string {
  return pin.companions ? member : basename(member);
}

/** Bytes of the largest wheel: as much as is on the disk at a time. */
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

/** What an installation is known by: the checksum of its wheel, or one over those of its wheels. */
export function checksumOf(pin: WheelPin): string {
  const sums = wheelsOf(pin).map(wheel => wheel.sha256);
  return sums.length === 1 ? sums[0]! : sha256(sums.join('\n'));
}
