/** Augmentations that move or remove pixels of images of any number of channels: random crop, flip and cutout. */
import type { ImageShape } from '../dataset.js';
import type { Transform } from './augmentation.js';

/**
 * Pads with `padding` zeros on every side and crops to the original size at a uniform position (torchvision
 * `RandomCrop(size, padding)`).
 */
export function randomCrop(shape: ImageShape, padding = 4): Transform {
  return (image, random) => {
    const top = random.integer(2 * padding + 1);
    const left = random.integer(2 * padding + 1);
    shift(image, shape, top - padding, left - padding, 0);
  };
}

/** Mirrors left and right with probability ½. */
export function horizontalFlip(shape: ImageShape): Transform {
  return (image, random) => {
    if (random.uniform() < 0.5) mirror(image, shape);
  };
}

function mirror(image: Uint8Array, { height, width, channels }: ImageShape): void {
  const row = width * channels;
  for (let y = 0; y < height; y++) {
    for (let left = y * row, right = left + row - channels; left < right; left += channels, right -= channels) {
      for (let c = 0; c < channels; c++) {
        const swap = image[left + c]!;
        image[left + c] = image[right + c]!;
        image[right + c] = swap;
      }
    }
  }
}

/**
 * Sets one square of `length` pixels to 0 (DeVries & Taylor 2017). Its centre is a uniform pixel, and the border of the
 * image clips it: rows centre − length/2 … centre + length/2 − 1.
 */
export function cutout({ height, width, channels }: ImageShape, length = 16): Transform {
  const half = length >> 1;
  return (image, random) => {
    const centreY = random.integer(height);
    const centreX = random.integer(width);
    const left = Math.max(0, centreX - half) * channels;
    const right = Math.min(width, centreX + half) * channels;
    const bottom = Math.min(height, centreY + half);
    for (let y = Math.max(0, centreY - half); y < bottom; y++) {
      const row = y * width * channels;
      for (let i = row + left; i < row + right; i++) image[i] = 0;
    }
  };
}

/** Moves the pixels in place: out[y][x] = in[y + down][x + right], or `fill` where that is outside of the image. */
export function shift(image: Uint8Array, shape: ImageShape, down: number, right: number, fill: number): void {
  const { height, width, channels } = shape;
  if (Math.abs(down) >= height || Math.abs(right) >= width) {
    image.fill(fill);
    return;
  }
  const row = width * channels;
  const offset = down * row + right * channels;
  if (offset > 0) image.copyWithin(0, offset);
  else if (offset < 0) image.copyWithin(-offset, 0, image.length + offset);
  // The move wraps rows around. Now fill the pixels that come from outside.
  if (down > 0) image.fill(fill, (height - down) * row);
  else if (down < 0) image.fill(fill, 0, -down * row);
  if (right === 0) return;
  const start = right > 0 ? (width - right) * channels : 0;
  const count = Math.abs(right) * channels;
  for (let y = Math.max(0, -down), last = height - Math.max(0, down); y < last; y++) {
    for (let i = y * row + start, end = i + count; i < end; i++) image[i] = fill;
  }
}
