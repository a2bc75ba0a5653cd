/** An image with edges, gradients and noise, given by a formula, for tests that must not depend on a dataset. */
import type { ImageShape } from '../../../src/data/dataset.js';

export function formulaImage({ height, width, channels }: ImageShape): Uint8Array {
  const image = new Uint8Array(height * width * channels);
  for (let i = 0; i < image.length; i++) {
    const c = i % channels;
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / channels / width);
    const edge = (x >> 2) % 2 === (y >> 3) % 2 ? 60 : 0;
    image[i] = Math.min(255, 20 + edge + 3 * x * (c + 1) + 2 * y + ((x * 7 + y * 13 + c * 5) % 11));
  }
  return image;
}
