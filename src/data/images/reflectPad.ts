/**
 * Cutting boxes out of an image padded by reflection (torchvision `Pad(n, padding_mode='reflect')`), without padding
 * it.
 */
import type { Box, RgbImage, RgbRows, Size } from './rgbImage.js';

/** Size of the image with `pad` pixels on every side. */
export function paddedSize({ height, width }: Size, pad: number): Size {
  return { height: height + 2 * pad, width: width + 2 * pad };
}

/** The part of an image that a box of the padded image is made of. */
export function reflectedPart(image: Size, box: Box, pad: number): Box {
  const [top, height] = span(box.top - pad, box.height, image.height);
  const [left, width] = span(box.left - pad, box.width, image.width);
  return { top, left, height, width };
}

/** The part inside a box that is given in the coordinates of the padded image. */
export function paddedRowsOf(image: RgbImage, box: Box, pad: number): RgbRows {
  const { pixels, part } = image;
  const [top, left] = [box.top - pad, box.left - pad];
  return {
    height: box.height,
    width: box.width,
    copy: (y, from, to, into, at) => {
      const row = (reflected(top + y, image.height) - part.top) * part.width - part.left;
      // The columns inside of the image in one move, those of the padding pixel by pixel.
      const inside = Math.max(0, left + from);
      const outside = Math.max(inside, Math.min(image.width, left + to));
      if (outside > inside) {
        into.set(pixels.subarray(3 * (row + inside), 3 * (row + outside)), at + 3 * (inside - left - from));
      }
      for (let x = left + from; x < left + to; x++) {
        if (x >= inside && x < outside) {
          x = outside - 1;
          continue;
        }
        const source = 3 * (row + reflected(x, image.width));
        const out = at + 3 * (x - left - from);
        for (let c = 0; c < 3; c++) into[out + c] = pixels[source + c]!;
      }
    },
  };
}

/** First index and number of indices that `first … first + count − 1` are reflected to. */
function span(first: number, count: number, length: number): [number, number] {
  let [low, high] = [length - 1, 0];
  for (let i = first; i < first + count; i++) {
    const index = reflected(i, length);
    if (index < low) low = index;
    if (index > high) high = index;
  }
  return [low, high - low + 1];
}

/** Mirrors an index at the first and last pixel, which are not repeated. */
function reflected(index: number, length: number): number {
  if (index >= 0 && index < length) return index;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = ((index % period) + period) % period;
  return place < length ? place : period - place;
}
