/**
 * Pillow's bilinear resize with antialiasing, byte for byte: triangle weights in 22-bit fixed point, one axis after the
 * other.
 */
import type { TapTable } from '../kernels/imageKernels.js';
import { makeImageKernels, slackBytes, weightBits } from '../kernels/imageKernels.js';
import type { Box, RgbRows, Size } from './rgbImage.js';

/**
 * Resizes `rows` to `size` and writes the part inside `window` to `into`, HWC. Pixels outside of the rows have no
 * influence; only what the window needs is copied and computed.
 */
export type Resizer = (rows: RgbRows, size: Size, window: Box, into: Uint8Array) => void;

/** The part of an image that the window of the resized one is made of. */
export function resizedPart(image: Size, size: Size, window: Box): Box {
  const across = tapsOf(image.width, size.width, window.left, window.width);
  const down = tapsOf(image.height, size.height, window.top, window.height);
  return { top: down.from, left: across.from, height: down.to - down.from, width: across.to - across.from };
}

/** A resizer with working memory of its own, as large as the largest image needed. */
export function makeResizer(): Resizer {
  const kernels = makeImageKernels();
  return (rows, size, window, into) => {
    const across = tapsOf(rows.width, size.width, window.left, window.width);
    const down = tapsOf(rows.height, size.height, window.top, window.height);
    const isColumnsFirst = columnsFirst(rows, size);
    const rowBytes = { in: 3 * (across.to - across.from), out: 3 * window.width };

    // Memory: taps, the pixels that are looked at, what lies between the passes, the result.
    const acrossTable = tableAt(0, across);
    const downTable = tableAt(end(acrossTable), down);
    const from = { at: padded(end(downTable)), stride: padded(rowBytes.in) };
    const rowsBetween = isColumnsFirst ? window.height : down.to - down.from;
    const between = {
      at: from.at + (down.to - down.from) * from.stride,
      stride: padded(isColumnsFirst ? rowBytes.in : rowBytes.out),
    };
    // Columns may be written without a gap: what they touch behind a row is written again with the next one.
    const result = {
      at: between.at + rowsBetween * between.stride,
      stride: isColumnsFirst ? padded(rowBytes.out) : rowBytes.out,
    };
    const memory = kernels.memory(result.at + window.height * result.stride + slackBytes);

    const words = new Int32Array(memory.buffer);
    words.set(across.records, acrossTable.at / 4);
    words.set(down.records, downTable.at / 4);
    for (let y = down.from, at = from.at; y < down.to; y++, at += from.stride) {
      rows.copy(y, across.from, across.to, memory, at);
    }
    if (!isColumnsFirst) {
      kernels.resampleRows(from, down.to - down.from, acrossTable, between);
      kernels.resampleColumns(between, rowBytes.out, downTable, result);
      into.set(memory.subarray(result.at, result.at + window.height * rowBytes.out));
      return;
    }
    kernels.resampleColumns(from, rowBytes.in, downTable, between);
    kernels.resampleRows(between, window.height, acrossTable, result);
    for (let y = 0; y < window.height; y++) {
      const start = result.at + y * result.stride;
      into.set(memory.subarray(start, start + rowBytes.out), y * rowBytes.out);
    }
  };
}

/** The order decides roundings between the passes; this is Pillow 13's, older ones always begin with the rows. */
function columnsFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > 2 * (from.width - to.width);
}

/** Which inputs make each output along one axis, and with what weight. */
interface Taps {
  /** Inputs that are looked at: `from … to − 1`. */
  readonly from: number;
  readonly to: number;
  /** Per output: the first input less `from`, the number of inputs, their weights. */
  readonly records: Int32Array;
  readonly recordLength: number;
}

/** Taps of the outputs `begin … begin + count − 1` of an axis resized from `length` to `resized` pixels. */
function tapsOf(length: number, resized: number, begin: number, count: number): Taps {
  const scale = length / resized;
  const support = Math.max(1, scale);
  const recordLength = 2 + 2 * Math.ceil(support) + 1;
  const records = new Int32Array(count * recordLength);
  const exact = new Float64Array(recordLength);
  const firstOf = (i: number) => Math.max(0, Math.trunc((begin + i + 0.5) * scale - support + 0.5));
  const endOf = (i: number) => Math.min(length, Math.trunc((begin + i + 0.5) * scale + support + 0.5));
  const from = firstOf(0);
  for (let i = 0; i < count; i++) {
    const centre = (begin + i + 0.5) * scale;
    const first = firstOf(i);
    const taps = endOf(i) - first;
    let sum = 0;
    for (let j = 0; j < taps; j++) {
      const distance = Math.abs((j + first - centre + 0.5) * (1 / support));
      exact[j] = distance < 1 ? 1 - distance : 0;
      sum += exact[j]!;
    }
    const record = i * recordLength;
    records[record] = first - from;
    records[record + 1] = taps;
    for (let j = 0; j < taps; j++) records[record + 2 + j] = Math.trunc(0.5 + (exact[j]! / sum) * (1 << weightBits));
  }
  return { from, to: endOf(count - 1), records, recordLength };
}

function tableAt(at: number, { records, recordLength }: Taps): TapTable {
  return { at, record: 4 * recordLength, outputs: records.length / recordLength };
}

function end({ at, record, outputs }: TapTable): number {
  return at + record * outputs;
}

/** The next multiple of 16 with room for what the kernels touch beyond. */
function padded(bytes: number): number {
  return (bytes + slackBytes + 15) & ~15;
}
