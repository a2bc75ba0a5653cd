/**
 * What the operations of AutoAugment and RandAugment share: their form and working memory. All follow Pillow byte for
 * byte.
 */
import { ConfigError } from '../../errors.js';
import type { ImageShape } from '../imageShape.js';
import { imageBytes } from '../imageShape.js';
import type { ImageKernels } from '../kernels/imageKernels.js';
import { makeImageKernels, slackBytes } from '../kernels/imageKernels.js';

/** Working memory of the operations, made once per shape, so that no image allocates. */
export interface Scratch {
  /** A copy of the image where an operation reads neighbours of what it has overwritten. */
  readonly source: Uint8Array;
  /** Kernels for RGB images, with an image at address 0 and room for another behind it. */
  readonly kernels: ImageKernels;
  /** Address behind the image: tables, or a second image. */
  readonly behind: number;
}

/** Changes an RGB image in place; `magnitude` carries the sign where the operation has one. */
export type Operation = (image: Uint8Array, shape: ImageShape, magnitude: number, scratch: Scratch) => void;

/** Grey of the pixels that a geometric operation brings in from outside. */
export const outside = 128;

/** Bytes of the histograms of the three channels, the largest table. */
const tableBytes = 3 * 256 * 4;

export function makeScratch(shape: ImageShape): Scratch {
  const size = imageBytes(shape);
  const behind = (size + slackBytes + 15) & ~15;
  const kernels = makeImageKernels();
  kernels.memory(behind + Math.max(size + slackBytes, tableBytes));
  return { kernels, behind, source: new Uint8Array(size) };
}

/** Throws `ConfigError` unless images are RGB; `augmentation` is the name in the config. */
export function requireColour({ channels }: ImageShape, augmentation: string): void {
  if (channels === 3) return;
  throw new ConfigError(`${augmentation} works on RGB images; this dataset's have ${channels} channel(s).`, {
    where: `data.augment: ${augmentation}`,
    next: `Take ${augmentation} out of data.augment; random_crop, horizontal_flip and cutout work on any image.`,
  });
}

/** Runs kernels on a copy of the image at address 0 and takes it back from `result`. */
export function inKernels(
  image: Uint8Array,
  { kernels, behind }: Scratch,
  run: (kernels: ImageKernels, memory: Uint8Array, behind: number) => void,
  result = 0,
): void {
  const memory = kernels.memory(image.length);
  memory.set(image);
  memory.fill(0, image.length, image.length + slackBytes);
  run(kernels, memory, behind);
  image.set(memory.subarray(result, result + image.length));
}
