/** Moving a whole image by pixels: the core of random crop and of Pillow's translations. */
import type { ImageShape } from '../imageShape.js';

/** In place, out[y][x] = in[y + down][x + right]; pixels from outside of the image become `fill`. */
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
  // The one move above wraps rows around; what came from outside is overwritten here.
  if (down > 0) image.fill(fill, (height - down) * row);
  else if (down < 0) image.fill(fill, 0, -down * row);
  if (right === 0) return;
  const start = right > 0 ? (width - right) * channels : 0;
  const count = Math.abs(right) * channels;
  for (let y = Math.max(0, -down), last = height - Math.max(0, down); y < last; y++) {
    for (let i = y * row + start, end = i + count; i < end; i++) image[i] = fill;
  }
}
