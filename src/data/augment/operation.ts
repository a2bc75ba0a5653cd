/** What the operations of AutoAugment and RandAugment share: their form and working memory. All follow Pillow byte for byte. */
import { ConfigError } from '../../errors.js';
import type { ImageShape } from '../dataset.js';
import { imageBytes } from '../dataset.js';
import type { ImageKernels } from '../kernels/imageKernels.js';
import { makeImageKernels, slackBytes } from '../kernels/imageKernels.js';

/** Working memory of the operations, made once per shape, so that no image allocates. */
export interface Scratch {
  /** A copy of the image where an operation reads neighbours of what it has overwritten. */
  readonly source: Uint8Array;
  /** One lookup table of 256 bytes per channel. */
  readonly tables: Uint8Array;
  readonly histogram: Int32Array;
  /** One number per byte of a row. */
  readonly columns: Int32Array;
  /** Kernels for RGB images, with room for one at address 0. */
  readonly kernels: ImageKernels;
}

/** Changes an RGB image in place; `magnitude` carries the sign where the operation has one. */
export type Operation = (image: Uint8Array, shape: ImageShape, magnitude: number, scratch: Scratch) => void;

/** Grey of the pixels that a geometric operation brings in from outside. */
export const outside = 128;

export function makeScratch(shape: ImageShape): Scratch {
  const kernels = makeImageKernels();
  kernels.memory(imageBytes(shape) + slackBytes);
  return {
    kernels,
    source: new Uint8Array(imageBytes(shape)),
    tables: new Uint8Array(3 * 256),
    histogram: new Int32Array(256),
    columns: new Int32Array(shape.width * 3),
  };
}

/** Throws `ConfigError` unless images are RGB; `augmentation` is the name in the config. */
export function requireColour({ channels }: ImageShape, augmentation: string): void {
  if (channels === 3) return;
  throw new ConfigError(`${augmentation} works on RGB images; this dataset's have ${channels} channel(s).`, {
    where: `data.augment: ${augmentation}`,
    next: `Take ${augmentation} out of data.augment; random_crop, horizontal_flip and cutout work on any image.`,
  });
}

/** Pillow's blend of two bytes in float32, first + alpha·(second − first), cut off to a byte; `alpha` must be a float32. */
export function blend(first: number, second: number, alpha: number): number {
  const value = Math.fround(first + Math.fround(alpha * (second - first)));
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}

/** Runs kernels on a copy of the image at address 0 and takes it back. */
export function inKernels(image: Uint8Array, { kernels }: Scratch, run: (kernels: ImageKernels) => void): void {
  const memory = kernels.memory(image.length + slackBytes);
  memory.set(image);
  memory.fill(0, image.length, image.length + slackBytes);
  run(kernels);
  image.set(memory.subarray(0, image.length));
}
