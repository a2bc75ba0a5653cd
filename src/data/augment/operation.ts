/** The type and the working memory of the operations of AutoAugment and RandAugment, which give Pillow's bytes. */
import { ConfigError } from '../../errors.js';
import type { ImageShape } from '../dataset.js';
import { imageBytes } from '../dataset.js';
import type { ImageKernels } from '../kernels/imageKernels.js';
import { makeImageKernels, slackBytes } from '../kernels/imageKernels.js';

/** Working memory, allocated once per shape and not for every image. */
export interface Scratch {
  /** Copy of the image for operations that read pixels after their neighbours were overwritten. */
  readonly source: Uint8Array;
  /** Kernels with the RGB image at address 0 of their memory, and room for another one behind it. */
  readonly kernels: ImageKernels;
  /** Address behind the image: tables, or a second image. */
  readonly behind: number;
}

/** Changes an RGB image in place; `magnitude` carries the sign where the operation has one. */
export type Operation = (image: Uint8Array, shape: ImageShape, magnitude: number, scratch: Scratch) => void;

/** Bytes of the largest table: the histograms of the three channels. */
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
  throw new ConfigError(
    `${augmentation} works on RGB images; the images of this dataset have ${channels} channel(s).`,
    {
      where: `data.augment: ${augmentation}`,
      next: `Take ${augmentation} out of data.augment; random_crop, horizontal_flip and cutout work on any image.`,
    },
  );
}

/** Copies the image to address 0, runs kernels, and copies it back from address `result`. */
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
