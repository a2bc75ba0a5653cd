/**
 * Sums, means and variances per channel [C] over all pixels of images, for batch normalisation, on one device or
 * several, in one pass over the images.
 *
 * XLA for GPUs compiles a reduction to few numbers to one kernel; to a second one where there are many rows; and to a
 * third one for what is computed from the sums. Here the sums are written as sums of parts where this takes fewer
 * kernels. Parts are equal numbers of pixels, which the processors of a GPU sum side by side. Without the barrier
 * behind them XLA would make one reduction of all parts again, on a single processor where images are small.
 */
import { sizeOf } from '../../tensor.js';
import type { Hlo, HloBuilder } from './builder.js';
import { gathered } from './devices.js';
import { like } from './lowering.js';

/** XLA computes a reduction over at most this many rows inside the kernels that use its result. */
const fewRows = 16;
/** XLA splits a reduction over more rows than this by itself, among as many processors as it finds good. */
const rowsOfOneKernel = 4096;
/** Most parts of a device's pixels. Each part is the work of one processor of a GPU. */
const mostParts = 32;

/** Sums [C] of images of one shape, for values at every pixel. */
export function channelSums(builder: HloBuilder, images: readonly Hlo[], devices: number): Hlo[] {
  const { shape } = images[0]!.type;
  if (devices > 1) {
    const parts = images.map(x => partsOfDevices(builder, x, devices));
    return partialSums(builder, parts, 2).map(sums => builder.reduce(sums, [0, 1], 'add'));
  }
  const pixels = sizeOf(shape.slice(0, -1));
  if (pixels > rowsOfOneKernel) return builder.sums(images, [...shape.keys()].slice(0, -1));
  return sumsOfSlices(builder, images, 1);
}

/**
 * Mean and biased variance [C] of an image `[B, H, W, C]` in float32: sums of x and x² relative to a pixel of the
 * image, because E[x²] − E[x]² would lose digits.
 */
export function moments(builder: HloBuilder, x: Hlo, devices: number): readonly [mean: Hlo, variance: Hlo] {
  return devices > 1 ? momentsOfDevices(builder, x, devices) : momentsOfOne(builder, x);
}

function momentsOfOne(builder: HloBuilder, x: Hlo): readonly [mean: Hlo, variance: Hlo] {
  const { shape } = x.type;
  const channels = shape[3]!;
  const centre = builder.reshape(builder.slice(x, [0, 0, 0, 0], [1, 1, 1, channels]), [channels]);
  const shifted = builder.apply('subtract', x, builder.broadcastInDim(centre, shape, [3]));
  const count = sizeOf(shape) / channels;
  const [first, second] = sumsOfSlices(builder, [shifted, builder.apply('multiply', shifted, shifted)], 8).map(sum =>
    divided(builder, sum, count),
  ) as [Hlo, Hlo];
  const variance = builder.apply('subtract', second, builder.apply('multiply', first, first));
  return [builder.apply('add', centre, first), builder.apply('maximum', variance, like(builder, variance, 0))];
}

/**
 * Each part is summed relative to a pixel of its own, and then one exchange of means and squared deviations is enough
 * (Chan, Golub, LeVeque 1983). A common pixel would take a second exchange, because only one device has it.
 */
function momentsOfDevices(builder: HloBuilder, x: Hlo, devices: number): readonly [mean: Hlo, variance: Hlo] {
  const rows = partsOfDevices(builder, x, devices);
  const [shared, parts, size, channels] = rows.type.shape as [number, number, number, number];
  const pixel = builder.slice(rows, [0, 0, 0, 0], [shared, parts, 1, channels]);
  const centre = builder.reshape(pixel, [shared, parts, channels]);
  const shifted = builder.apply('subtract', rows, builder.broadcastInDim(centre, rows.type.shape, [0, 1, 3]));
  const squared = builder.apply('multiply', shifted, shifted);
  const [first, second] = partialSums(builder, [shifted, squared], 2) as [Hlo, Hlo];
  const ownMeans = builder.apply('add', centre, divided(builder, first, size));
  const ownSquares = builder.apply('subtract', second, divided(builder, builder.apply('multiply', first, first), size));
  const [means, squares] = exchanged(builder, ownMeans, ownSquares);

  const total = (values: Hlo) => builder.reduce(values, [0, 1], 'add');
  const mean = divided(builder, total(means), shared * parts);
  const apart = builder.apply('subtract', means, builder.broadcastInDim(mean, means.type.shape, [2]));
  const between = builder.apply('multiply', builder.apply('multiply', apart, apart), like(builder, apart, size));
  return [mean, divided(builder, total(builder.apply('add', squares, between)), shared * parts * size)];
}

/**
 * Sums of parts: at most `slices` slices of at most 16 parts. First the slices are added, then the parts of the sum.
 */
function sumsOfSlices(builder: HloBuilder, images: readonly Hlo[], slices: number): Hlo[] {
  const { shape } = images[0]!.type;
  const channels = shape.at(-1)!;
  const pixels = sizeOf(shape.slice(0, -1));
  const rows = largestDivisor(pixels, fewRows);
  const count = largestDivisor(pixels / rows, slices);
  const parts = images.map(x => builder.reshape(x, [count * rows, pixels / (count * rows), channels]));
  return partialSums(builder, parts, 1).map(sums => {
    const slicesOfRows = Array.from({ length: count }, (_, i) =>
      builder.slice(sums, [i * rows, 0], [(i + 1) * rows, channels]),
    );
    const added = slicesOfRows.reduce((all, slice) => builder.apply('add', all, slice));
    return builder.reduce(added, [0], 'add');
  });
}

/**
 * The pixels of an image as `[devices, parts, n, C]`. Where the devices do not divide the pixels, the first axis is 1:
 * the image is split by channels then.
 */
function partsOfDevices(builder: HloBuilder, x: Hlo, devices: number): Hlo {
  const channels = x.type.shape.at(-1)!;
  const pixels = sizeOf(x.type.shape) / channels;
  const shared = pixels % devices === 0 ? devices : 1;
  const parts = largestDivisor(pixels / shared, mostParts);
  return builder.reshape(x, [shared, parts, pixels / shared / parts, channels]);
}

/** Sums of each part; `axis` is the axis of the part's pixels. */
function partialSums(builder: HloBuilder, parts: readonly Hlo[], axis: number): Hlo[] {
  return builder.barrier(builder.sums(parts, [axis]));
}

/** Two values `[devices, parts, C]` of all devices on each device, in one exchange. */
function exchanged(builder: HloBuilder, ...values: readonly [Hlo, Hlo]): readonly [Hlo, Hlo] {
  const [shared, parts, channels] = values[0].type.shape as [number, number, number];
  const both = values.map(value => builder.reshape(value, [shared, parts, 1, channels]));
  const all = gathered(builder, builder.concatenate(both, 2));
  const part = (i: number) => builder.slice(all, [0, 0, i, 0], [shared, parts, i + 1, channels]);
  return [0, 1].map(i => builder.reshape(part(i), [shared, parts, channels])) as [Hlo, Hlo];
}

const divided = (builder: HloBuilder, x: Hlo, count: number) => builder.apply('divide', x, like(builder, x, count));

/** The largest divisor of `value` that is not above `most`. */
function largestDivisor(value: number, most: number): number {
  let divisor = most;
  while (value % divisor !== 0) divisor--;
  return divisor;
}
