/** Operations that blend each pixel with its grey or smoothed self: color and sharpness. */
import type { Operation } from './operation.js';
import { inKernels } from './operation.js';

/** Towards grey or away from it: a blend with factor 1 + magnitude. */
export const color: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.blendWithLuma(0, image.length / 3, 1 + magnitude));
};

/**
 * Towards the smoothed image or away from it: a blend with factor 1 + magnitude. Border pixels stay, as Pillow's filter
 * leaves them.
 */
export const sharpness: Operation = (image, { height, width }, magnitude, scratch) => {
  if (height < 3 || width < 5) return;
  inKernels(
    image,
    scratch,
    (kernels, memory, behind) => {
      memory.copyWithin(behind, 0, image.length);
      kernels.sharpen(0, behind, 3 * width, height, 1 + magnitude);
    },
    scratch.behind,
  );
};
