/**
 * Sums per channel [C] over all pixels of images of one shape, for batch normalisation, in one pass over the images.
 * XLA for GPUs makes one kernel of a reduction to so few numbers, a second one where there are many rows, and a third
 * of what is computed from the sums. So the order of the additions is written here where that gives fewer kernels.
 */
import { sizeOf } from '../../tensor.js';
import type { Hlo, HloBuilder } from './builder.js';

/** A reduction over no more rows XLA computes within the kernels that use its result. */
const fewRows = 16;
/** A reduction over more rows XLA splits by itself, among as many processors as it finds good. */
const rowsOfOneKernel = 4096;

/** Sums from which statistics [C] are computed: the last additions and the statistics become one kernel. */
export function sumsForStatistics(builder: HloBuilder, images: readonly Hlo[]): Hlo[] {
  return sumsOfParts(builder, images, 8);
}

/** Sums that are used at every pixel. */
export function sumsForPixels(builder: HloBuilder, images: readonly Hlo[]): Hlo[] {
  const { shape } = images[0]!.type;
  const pixels = sizeOf(shape.slice(0, -1));
  if (pixels > rowsOfOneKernel) return builder.sums(images, [...shape.keys()].slice(0, -1));
  return sumsOfParts(builder, images, 1);
}

/**
 * Sums of equal parts, which the processors of a GPU take side by side, and then of these: the parts are as many
 * slices, at most `slices`, of at most 16 rows; the slices are added, and then their rows. Without the barrier XLA
 * would make one reduction of all, on a single processor where images are small.
 */
function sumsOfParts(builder: HloBuilder, images: readonly Hlo[], slices: number): Hlo[] {
  const { shape } = images[0]!.type;
  const channels = shape.at(-1)!;
  const pixels = sizeOf(shape.slice(0, -1));
  const rows = largestDivisor(pixels, fewRows);
  const count = largestDivisor(pixels / rows, slices);
  const parts = images.map(x => builder.reshape(x, [count * rows, pixels / (count * rows), channels]));
  return builder.barrier(builder.sums(parts, [1])).map(sums => {
    const slicesOfRows = Array.from({ length: count }, (_, i) =>
      builder.slice(sums, [i * rows, 0], [(i + 1) * rows, channels]),
    );
    const added = slicesOfRows.reduce((all, slice) => builder.apply('add', all, slice));
    return builder.reduce(added, [0], 'add');
  });
}

/** The largest divisor of `value` that is not above `most`. */
export function largestDivisor(value: number, most: number): number {
  let divisor = most;
  while (value % divisor !== 0) divisor--;
  return divisor;
}
