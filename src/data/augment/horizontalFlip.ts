import type { ImageShape } from '../imageShape.js';
import type { Transform } from './transform.js';

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
