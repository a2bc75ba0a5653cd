/** The WebAssembly kernels of image.wat, each instance with its own memory. */
import { wasmModule } from '../../wasm.js';
import { imageWasm } from './imageWasm.js';

/** Fractional bits of a resampling weight. */
export const weightBits = 22;

/** Kernels may read and write so many bytes behind each region of memory. */
export const slackBytes = 16;

/** Memory that a pass of a resize reads or writes: its address, and the bytes from one row to the next. */
interface Region {
  readonly at: number;
  readonly stride: number;
}

/** Address of the records of taps, bytes of one record, and number of records. */
export interface TapTable {
  readonly at: number;
  readonly record: number;
  readonly outputs: number;
}

/** The exports of image.wat. */
interface Exports {
  resampleRows(
    from: number,
    stride: number,
    rows: number,
    taps: number,
    record: number,
    outputs: number,
    into: number,
    intoStride: number,
  ): void;
  resampleColumns(
    from: number,
    stride: number,
    rowBytes: number,
    taps: number,
    record: number,
    outputs: number,
    into: number,
    intoStride: number,
  ): void;
  interleave(from: number, plane: number, into: number): void;
  blendWithValue(at: number, bytes: number, value: number, factor: number): void;
  blendWithLuma(at: number, pixels: number, factor: number): void;
  lumaSum(at: number, pixels: number): number;
  solarize(at: number, bytes: number, threshold: number): void;
  solarizeAdd(at: number, bytes: number, add: number): void;
  keepBits(at: number, bytes: number, mask: number): void;
  histograms(at: number, pixels: number, into: number): void;
  mapChannels(at: number, pixels: number, tables: number): void;
  sharpen(from: number, into: number, rowBytes: number, rows: number, factor: number): void;
}

export interface ImageKernels extends Omit<Exports, 'resampleRows' | 'resampleColumns'> {
  /** The memory, grown to at least this many bytes. An earlier view is then invalid. */
  memory(bytes: number): Uint8Array;
  /** Resizes `rows` RGB rows along x. */
  resampleRows(from: Region, rows: number, taps: TapTable, into: Region): void;
  /** Resizes rows of `rowBytes` bytes along y. */
  resampleColumns(from: Region, rowBytes: number, taps: TapTable, into: Region): void;
}

const instantiate = wasmModule<Exports>(imageWasm);

export function makeImageKernels(): ImageKernels {
  const { functions: kernels, memory } = instantiate();
  return {
    ...kernels,
    memory,
    resampleRows: (from, rows, taps, into) =>
      kernels.resampleRows(from.at, from.stride, rows, taps.at, taps.record, taps.outputs, into.at, into.stride),
    resampleColumns: (from, rowBytes, taps, into) =>
      kernels.resampleColumns(from.at, from.stride, rowBytes, taps.at, taps.record, taps.outputs, into.at, into.stride),
  };
}
