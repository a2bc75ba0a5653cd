/**
 * Pillow's bilinear resize with antialiasing, byte for byte: triangle weights in 22-bit fixed point, one axis at a
 * time.
 */
import type { TapTable } from '../kernels/imageKernels.js';
import { makeImageKernels, slackBytes, weightBits } from '../kernels/imageKernels.js';
import type { Box, RgbRows, Size } from './rgbImage.js';

/**
 * Resizes `rows` to `size` and writes the part inside `window` to `into`, HWC. Copies and computes only what the window
 * needs.
 */
export type Resizer = (rows: RgbRows, size: Size, window: Box, into: Uint8Array) => void;

/** The part of an image from which the window of the resized image is computed. */
export function resizedPart(image: Size, size: Size, window: Box): Box {
  const across = tapsOf(image.width, size.width, window.left, window.width);
  const down = tapsOf(image.height, size.height, window.top, window.height);
  return { top: down.from, left: across.from, height: down.to - down.from, width: across.to - across.from };
}

/** A resizer with its own working memory, which grows to the need of the largest image. */
export function makeResizer(): Resizer {
  const kernels = makeImageKernels();
  return (rows, size, window, into) => {
    const across = tapsOf(rows.width, size.width, window.left, window.width);
    const down = tapsOf(rows.height, size.height, window.top, window.height);
    const isColumnsFirst = columnsFirst(rows, size);
    const rowBytes = { in: 3 * (across.to - across.from), out: 3 * window.width };

    // Memory: the taps, the input pixels, the result of the first pass, the result of the second pass.
    const acrossTable = tableAt(0, across);
    const downTable = tableAt(end(acrossTable), down);
    const from = { at: padded(end(downTable)), stride: padded(rowBytes.in) };
    const rowsBetween = isColumnsFirst ? window.height : down.to - down.from;
    const between = {
      at: from.at + (down.to - down.from) * from.stride,
      stride: padded(isColumnsFirst ? rowBytes.in : rowBytes.out),
    };
    // A pass over columns needs no gap between its rows: the next row overwrites what the kernel wrote behind a row.
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

/**
 * The order of the passes affects rounding. This is the rule of Pillow 13; older versions always begin with the rows.
 */
function columnsFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height;
  return lost > 0 && lost > 2 * (from.width - to.width);
}

/** The inputs of each output along one axis, and their weights. */
interface Taps {
  /** All outputs together need the inputs `from … to − 1`. */
  readonly from: number;
  readonly to: number;
  /** For each output: its first input minus `from`, the number of its inputs, their weights. */
  readonly records: Int32Array;
  readonly recordLength: number;
}

/** Taps of the outputs `begin … begin + count − 1` of an axis that is resized from `length` to `resized` pixels. */
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

/** The next multiple of 16, with room for the bytes that the kernels touch behind a region. */
function padded(bytes: number): number {
  return (bytes + slackBytes + 15) & ~15;
}
