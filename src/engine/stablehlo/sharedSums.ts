/**
 * Sums over all pixels of images that lie on several devices, per channel, as batch normalisation takes them: each
 * device adds up its own pixels in parts, which are a first and a second axis, and then the parts are exchanged.
 */
import { sizeOf } from '../../tensor.js';
import type { Hlo, HloBuilder } from './builder.js';
import { largestDivisor } from './channelSums.js';
import { gathered } from './devices.js';
import { like } from './lowering.js';

/** Of a device; each is the work of one processor of a GPU. */
const mostParts = 32;

/** Sums [C] of images of one shape. */
export function sharedSums(builder: HloBuilder, images: readonly Hlo[], devices: number): Hlo[] {
  const rows = images.map(x => inParts(builder, x, devices));
  return partialSums(builder, rows).map(sums => builder.reduce(sums, [0, 1], 'add'));
}

/**
 * Mean and biased variance [C] of an image `[B, H, W, C]` in float32. Each part is added up about a pixel of its own,
 * so that one exchange is enough, of means and squared deviations (Chan, Golub, LeVeque 1983). About a common pixel it
 * would take two, for one device has it.
 */
export function sharedMoments(builder: HloBuilder, x: Hlo, devices: number): readonly [mean: Hlo, variance: Hlo] {
  const rows = inParts(builder, x, devices);
  const [shared, parts, size, channels] = rows.type.shape as [number, number, number, number];
  const over = (sum: Hlo, count: number) => builder.apply('divide', sum, like(builder, sum, count));
  const pixel = builder.slice(rows, [0, 0, 0, 0], [shared, parts, 1, channels]);
  const centre = builder.reshape(pixel, [shared, parts, channels]);
  const shifted = builder.apply('subtract', rows, builder.spread(centre, rows.type.shape, [0, 1, 3]));
  const [first, second] = partialSums(builder, [shifted, builder.apply('multiply', shifted, shifted)]) as [Hlo, Hlo];
  const ownMeans = builder.apply('add', centre, over(first, size));
  const ownSquares = builder.apply('subtract', second, over(builder.apply('multiply', first, first), size));
  const [means, squares] = exchanged(builder, ownMeans, ownSquares);

  const total = (values: Hlo) => builder.reduce(values, [0, 1], 'add');
  const mean = over(total(means), shared * parts);
  const apart = builder.apply('subtract', means, builder.spread(mean, means.type.shape, [2]));
  const between = builder.apply('multiply', builder.apply('multiply', apart, apart), like(builder, apart, size));
  return [mean, over(total(builder.apply('add', squares, between)), shared * parts * size)];
}

/**
 * Pixels `[devices, parts, n, C]`; of an image whose pixels the devices do not divide, all in one: it is split by
 * channels then.
 */
function inParts(builder: HloBuilder, x: Hlo, devices: number): Hlo {
  const channels = x.type.shape.at(-1)!;
  const pixels = sizeOf(x.type.shape) / channels;
  const shared = pixels % devices === 0 ? devices : 1;
  const parts = largestDivisor(pixels / shared, mostParts);
  return builder.reshape(x, [shared, parts, pixels / shared / parts, channels]);
}

/**
 * Sums of each part. Without the barrier XLA would make one reduction of all, on a single processor where images are
 * small.
 */
function partialSums(builder: HloBuilder, rows: readonly Hlo[]): Hlo[] {
  return builder.barrier(builder.sums(rows, [2]));
}

/** Two values `[devices, parts, C]` of all devices on each, in one exchange. */
function exchanged(builder: HloBuilder, ...values: readonly [Hlo, Hlo]): readonly [Hlo, Hlo] {
  const [shared, parts, channels] = values[0].type.shape as [number, number, number];
  const both = values.map(value => builder.reshape(value, [shared, parts, 1, channels]));
  const all = gathered(builder, builder.concatenate(both, 2));
  const part = (i: number) => builder.slice(all, [0, 0, i, 0], [shared, parts, i + 1, channels]);
  return [0, 1].map(i => builder.reshape(part(i), [shared, parts, channels])) as [Hlo, Hlo];
}
