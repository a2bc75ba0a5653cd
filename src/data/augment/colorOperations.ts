/**
 * The operations of AutoAugment and RandAugment that keep pixels in their place, and ColorJitter, which is made of
 * three of them.
 */
import type { ImageShape } from '../dataset.js';
import type { Transform } from './augmentation.js';
import type { Operation, Scratch } from './operation.js';
import { inKernels, makeScratch, requireColour } from './operation.js';

/** Blends with black, with factor 1 + magnitude: magnitude −1 gives black, 0 the image, more a lighter image. */
export const brightness: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.blendWithValue(0, image.length, 0, 1 + magnitude));
};

/** Blends with the mean luma of the image, with factor 1 + magnitude. */
export const contrast: Operation = (image, _shape, magnitude, scratch) => {
  const pixels = image.length / 3;
  inKernels(image, scratch, kernels => {
    const mean = Math.floor(kernels.lumaSum(0, pixels) / pixels + 0.5);
    kernels.blendWithValue(0, image.length, mean, 1 + magnitude);
  });
};

/** Blends with the grey image, with factor 1 + magnitude. */
export const color: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.blendWithLuma(0, image.length / 3, 1 + magnitude));
};

/** Blends with the smoothed image, with factor 1 + magnitude. Border pixels do not change, as with Pillow's filter. */
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

/** Keeps the `magnitude` highest bits. */
export const posterize: Operation = (image, _shape, magnitude, scratch) => {
  const mask = 0xff & ~(2 ** (8 - magnitude) - 1);
  inKernels(image, scratch, kernels => kernels.keepBits(0, image.length, mask));
};

/** Inverts the bytes at or above the threshold `magnitude`. */
export const solarize: Operation = (image, _shape, magnitude, scratch) => {
  const threshold = Math.ceil(magnitude);
  if (threshold < 256) inKernels(image, scratch, kernels => kernels.solarize(0, image.length, threshold));
};

/** Adds `magnitude` to the bytes below 128. */
export const solarizeAdd: Operation = (image, _shape, magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.solarizeAdd(0, image.length, magnitude));
};

export const invert: Operation = (image, _shape, _magnitude, scratch) => {
  inKernels(image, scratch, kernels => kernels.solarize(0, image.length, 0));
};

/** Stretches each channel so that its darkest byte becomes 0 and its lightest 255. */
export const autocontrast: Operation = (image, _shape, _magnitude, scratch) => {
  mapChannels(image, scratch, (histogram, table) => {
    const low = histogram.findIndex(count => count > 0);
    const high = histogram.findLastIndex(count => count > 0);
    const scale = 255 / (high - low);
    const offset = -low * scale;
    for (let value = 0; value < 256; value++) {
      table[value] = high <= low ? value : Math.max(0, Math.min(255, Math.trunc(value * scale + offset)));
    }
  });
};

/** Flattens the histogram of each channel. */
export const equalize: Operation = (image, _shape, _magnitude, scratch) => {
  const pixels = image.length / 3;
  mapChannels(image, scratch, (histogram, table) => {
    const last = histogram.findLastIndex(count => count > 0);
    // With one value, or few pixels below the lightest value, the step is 0 and the channel does not change.
    const step = Math.trunc((pixels - histogram[last]!) / 255);
    for (let value = 0, below = step >> 1; value < 256; value++) {
      table[value] = step === 0 ? value : Math.min(255, Math.trunc(below / step));
      below += histogram[value]!;
    }
  });
};

const jitterOrders = [
  [brightness, contrast, color],
  [brightness, color, contrast],
  [contrast, brightness, color],
  [contrast, color, brightness],
  [color, brightness, contrast],
  [color, contrast, brightness],
] as const;

/**
 * Random brightness, contrast and saturation (torchvision `ColorJitter(0.4, 0.4, 0.4)`): factors from 1 − strength to
 * 1 + strength, in random order. Throws `ConfigError` for images that do not have 3 channels.
 */
export function colorJitter(shape: ImageShape, strength = 0.4): Transform {
  requireColour(shape, 'color_jitter');
  const scratch = makeScratch(shape);
  return (image, random) => {
    for (const operation of jitterOrders[random.integer(jitterOrders.length)]!) {
      operation(image, shape, strength * (2 * random.uniform() - 1), scratch);
    }
  };
}

/** Maps the bytes of each channel by a table, which `fillTable` computes from the histogram of the channel. */
function mapChannels(
  image: Uint8Array,
  scratch: Scratch,
  fillTable: (histogram: Int32Array, table: Uint8Array) => void,
): void {
  const pixels = image.length / 3;
  inKernels(image, scratch, (kernels, memory, behind) => {
    const counts = new Int32Array(memory.buffer, behind, 3 * 256).fill(0);
    kernels.histograms(0, pixels, behind);
    const histograms = counts.slice();
    for (let c = 0; c < 3; c++) {
      const table = memory.subarray(behind + 256 * c, behind + 256 * (c + 1));
      fillTable(histograms.subarray(256 * c, 256 * (c + 1)), table);
    }
    kernels.mapChannels(0, pixels, behind);
  });
}
