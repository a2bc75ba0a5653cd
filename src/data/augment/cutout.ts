import type { ImageShape } from '../imageShape.js';
import type { Transform } from './transform.js';

/**
 * Sets one square of `length` pixels to 0 (DeVries & Taylor 2017). Its centre is any pixel, so a part of the square may
 * lie outside: rows centre − length/2 … centre + length/2 − 1, clipped at the border.
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
