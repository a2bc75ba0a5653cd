/** AutoAugment operations that map each byte by a table: brightness, contrast, posterize, solarize, invert, autocontrast, equalize. */
import type { Operation } from './operation.js';
import { inKernels } from './operation.js';

/** Towards black (magnitude −1) or away from it: a blend with factor 1 + magnitude. */
export const brightness: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.blendWithValue(0, image.length, 0, 1 + magnitude));
};

/** Towards the mean luma of the image or away from it: a blend with factor 1 + magnitude. */
export const contrast: Operation = (image, _shape, magnitude, scratch) => {
  const pixels = image.length / 3;
  inKernels(image, scratch, kernels => {
    const mean = Math.floor(kernels.lumaSum(0, pixels) / pixels + 0.5);
    kernels.blendWithValue(0, image.length, mean, 1 + magnitude);
  });
};

/** Keeps the `magnitude` highest bits. */
export const posterize: Operation = (image, _shape, magnitude) => {
  const mask = 0xff & ~(2 ** (8 - magnitude) - 1);
  for (let i = 0; i < image.length; i++) image[i] = image[i]! & mask;
};

/** Inverts the bytes at or above the threshold `magnitude`. */
export const solarize: Operation = (image, _shape, magnitude) => {
  for (let i = 0; i < image.length; i++) {
    const value = image[i]!;
    if (value >= magnitude) image[i] = 255 - value;
  }
};

/** Adds `magnitude` to the bytes below 128. */
export const solarizeAdd: Operation = (image, _shape, magnitude) => {
  for (let i = 0; i < image.length; i++) {
    const value = image[i]!;
    if (value < 128) image[i] = Math.min(255, value + magnitude);
  }
};

export const invert: Operation = image => {
  for (let i = 0; i < image.length; i++) image[i] = 255 - image[i]!;
};

/** Stretches each channel so that its darkest byte becomes 0 and its lightest 255. */
export const autocontrast: Operation = (image, _shape, _magnitude, { tables }) => {
  for (let c = 0; c < 3; c++) {
    let low = 255;
    let high = 0;
    for (let i = c; i < image.length; i += 3) {
      const value = image[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const scale = 255 / (high - low);
    const offset = -low * scale;
    for (let value = 0; value < 256; value++) {
      tables[256 * c + value] = high <= low ? value : Math.max(0, Math.min(255, Math.trunc(value * scale + offset)));
    }
  }
  mapChannels(image, tables);
};

/** Flattens the histogram of each channel. */
export const equalize: Operation = (image, _shape, _magnitude, { tables, histogram }) => {
  for (let c = 0; c < 3; c++) {
    histogram.fill(0);
    for (let i = c; i < image.length; i += 3) histogram[image[i]!]!++;
    let last = 255;
    while (histogram[last] === 0) last--;
    // With a single value, or too few pixels below the lightest one, the step is 0: the channel stays as it is.
    const step = Math.trunc((image.length / 3 - histogram[last]!) / 255);
    for (let value = 0, below = step >> 1; value < 256; value++) {
      tables[256 * c + value] = step === 0 ? value : Math.min(255, Math.trunc(below / step));
      below += histogram[value]!;
    }
  }
  mapChannels(image, tables);
};

function mapChannels(image: Uint8Array, tables: Uint8Array): void {
  for (let i = 0; i < image.length; i += 3) {
    image[i] = tables[image[i]!]!;
    image[i + 1] = tables[256 + image[i + 1]!]!;
    image[i + 2] = tables[512 + image[i + 2]!]!;
  }
}
