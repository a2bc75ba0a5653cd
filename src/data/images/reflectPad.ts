/** Cutting boxes out of an image padded by reflection (torchvision `Pad(n, padding_mode='reflect')`), without padding it. */
import type { Box, RgbImage, RgbView, Size } from './rgbImage.js';
import { viewOf } from './rgbImage.js';

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

/** Cuts boxes out; a view that touches the padding holds until the next one is cut. */
export type PaddedCutter = (image: RgbImage, box: Box) => RgbView;

/** A cutter of boxes given in the coordinates of the padded image; a box inside the image itself costs nothing. */
export function makePaddedCutter(pad: number): PaddedCutter {
  let memory = new Uint8Array(0);
  return (image, padded) => {
    const box = { ...padded, top: padded.top - pad, left: padded.left - pad };
    const [bottom, right] = [box.top + box.height, box.left + box.width];
    if (box.top >= 0 && box.left >= 0 && bottom <= image.height && right <= image.width) return viewOf(image, box);
    const rowBytes = 3 * box.width;
    if (memory.length < box.height * rowBytes) memory = new Uint8Array(box.height * rowBytes);
    const { pixels, part } = image;
    // The columns inside of the image in one move, those of the padding pixel by pixel.
    const from = Math.max(0, box.left);
    const to = Math.max(from, Math.min(image.width, right));
    for (let y = 0; y < box.height; y++) {
      const row = 3 * ((reflected(box.top + y, image.height) - part.top) * part.width - part.left);
      const out = y * rowBytes;
      if (to > from) memory.set(pixels.subarray(row + 3 * from, row + 3 * to), out + 3 * (from - box.left));
      for (let x = box.left; x < right; x++) {
        if (x >= from && x < to) continue;
        const source = row + 3 * reflected(x, image.width);
        for (let c = 0; c < 3; c++) memory[out + 3 * (x - box.left) + c] = pixels[source + c]!;
      }
    }
    return { pixels: memory, height: box.height, width: box.width, start: 0, stride: rowBytes };
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
