/** The WebAssembly kernels of image.wat with a memory of their own. */
import { imageWasm } from './imageWasm.js';

/** Bits after the point of a resampling weight. */
export const weightBits = 22;

/** Bytes behind each region of memory that the kernels may touch. */
export const slackBytes = 16;

/** Node's, of which neither its types nor TypeScript's without a browser know. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}

/** Where a pass of a resize reads or writes: an address, and the bytes from one row to the next. */
export interface Region {
  readonly at: number;
  readonly stride: number;
}

/** Address of the records of taps, bytes of one, and their number. */
export interface TapTable {
  readonly at: number;
  readonly record: number;
  readonly outputs: number;
}

/** What image.wat exports, with its parameters in order. */
interface Exports {
  readonly memory: WebAssembly.Memory;
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

export interface ImageKernels extends Omit<Exports, 'memory' | 'resampleRows' | 'resampleColumns'> {
  /** Makes the memory at least this large and gives it; a view taken before is void. */
  memory(bytes: number): Uint8Array;
  /** Resizes `rows` RGB rows along x. */
  resampleRows(from: Region, rows: number, taps: TapTable, into: Region): void;
  /** Resizes rows of `rowBytes` bytes along y. */
  resampleColumns(from: Region, rowBytes: number, taps: TapTable, into: Region): void;
}

const pageBytes = 2 ** 16;
const assembled = new WebAssembly.Module(Buffer.from(imageWasm, 'base64'));

export function makeImageKernels(): ImageKernels {
  const { memory, ...kernels } = new WebAssembly.Instance(assembled).exports as unknown as Exports;
  let bytes = new Uint8Array(memory.buffer);
  return {
    ...kernels,
    memory: wanted => {
      if (bytes.length < wanted) {
        memory.grow(Math.ceil((wanted - bytes.length) / pageBytes));
        bytes = new Uint8Array(memory.buffer);
      }
      return bytes;
    },
    resampleRows: (from, rows, taps, into) =>
      kernels.resampleRows(from.at, from.stride, rows, taps.at, taps.record, taps.outputs, into.at, into.stride),
    resampleColumns: (from, rowBytes, taps, into) =>
      kernels.resampleColumns(from.at, from.stride, rowBytes, taps.at, taps.record, taps.outputs, into.at, into.stride),
  };
}
