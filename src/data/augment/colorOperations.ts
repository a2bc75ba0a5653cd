/** AutoAugment operations that blend each pixel with its grey or smoothed self: color and sharpness. */
import type { Operation } from './operation.js';
import { blend, inKernels } from './operation.js';

/** Towards grey or away from it: a blend with factor 1 + magnitude. */
export const color: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.blendWithLuma(0, image.length / 3, 1 + magnitude));
};

/** Weighted sum of a 3×3 neighbourhood (1 around 5, in thirteenths) → its rounded mean. */
const thirteenth = Uint8Array.from({ length: 13 * 255 + 1 }, (_, sum) => Math.floor(sum / 13 + 0.5));

/** Towards the smoothed image or away from it: a blend with factor 1 + magnitude. Border pixels stay, as Pillow's filter leaves them. */
export const sharpness: Operation = (image, { height, width }, magnitude, { source, columns }) => {
  const factor = Math.fround(1 + magnitude);
  if (factor === 1) return;
  source.set(image);
  const row = width * 3;
  for (let y = 1; y < height - 1; y++) {
    const start = y * row;
    for (let i = 0; i < row; i++) {
      columns[i] = source[start - row + i]! + source[start + i]! + source[start + row + i]!;
    }
    for (let i = 3; i < row - 3; i++) {
      const value = source[start + i]!;
      const smooth = thirteenth[columns[i - 3]! + columns[i]! + columns[i + 3]! + 4 * value]!;
      image[start + i] = blend(smooth, value, factor);
    }
  }
};
