/**
 * The boxes of torchvision's Resize, CenterCrop, RandomResizedCrop and Pad(padding_mode='reflect'). Sizes and halves
 * are rounded as in Python. A padded image is never made: a box of it is copied from the pixels of the image.
 */
import type { Random } from '../../random.js';
import type { Box, RgbImage, RgbRows, Size } from './rgbImage.js';

const smallestArea = 0.08;
const widestRatio = 4 / 3;
const attempts = 10;

/** Resize(side): the shorter side becomes `side`; the longer side keeps the ratio, rounded down. */
export function shortSideSize({ height, width }: Size, side: number): Size {
  return height <= width
    ? { height: side, width: Math.trunc((side * width) / height) }
    : { height: Math.trunc((side * height) / width), width: side };
}

/** CenterCrop(side) of an image that is at least as large. */
export function centreBox({ height, width }: Size, side: number): Box {
  return {
    top: roundHalfEven((height - side) / 2),
    left: roundHalfEven((width - side) / 2),
    height: side,
    width: side,
  };
}

/**
 * The box of RandomResizedCrop (Szegedy et al. 2015, as in torchvision): area 8 to 100 % of the image, ratio 3/4 to 4/3
 * on a log scale, uniform position. After ten boxes that do not fit, the largest central box of an allowed ratio.
 */
export function randomResizedBox(image: Size, random: Random): Box {
  const logRatio = Math.log(widestRatio);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const area = smallestArea + (1 - smallestArea) * random.uniform();
    const ratio = -logRatio + 2 * logRatio * random.uniform();
    const [top, left] = [random.uniform(), random.uniform()];
    const box = drawnBox(image, [Math.fround(area), Math.fround(ratio), top, left]);
    if (box !== undefined) return box;
  }
  return fallbackBox(image);
}

/**
 * Fraction of the area and log of width over height, both float32; the position as fractions of the free rows and
 * columns.
 */
export type BoxDraw = readonly [area: number, logRatio: number, top: number, left: number];

/** The box of one draw; undefined where the box is larger than the image. */
export function drawnBox({ height, width }: Size, [area, logRatio, top, left]: BoxDraw): Box | undefined {
  const pixels = height * width * area;
  const ratio = Math.fround(Math.exp(logRatio));
  const box = {
    width: roundHalfEven(Math.sqrt(pixels * ratio)),
    height: roundHalfEven(Math.sqrt(pixels / ratio)),
  };
  if (!(box.width > 0 && box.width <= width && box.height > 0 && box.height <= height)) return undefined;
  return {
    top: Math.floor(top * (height - box.height + 1)),
    left: Math.floor(left * (width - box.width + 1)),
    ...box,
  };
}

/** The whole image, or its centre where it is wider than 4:3 or taller than 3:4. */
export function fallbackBox({ height, width }: Size): Box {
  const ratio = width / height;
  const box = { height, width };
  if (ratio < 1 / widestRatio) box.height = roundHalfEven(width / (1 / widestRatio));
  else if (ratio > widestRatio) box.width = roundHalfEven(height * widestRatio);
  return { top: (height - box.height) >> 1, left: (width - box.width) >> 1, ...box };
}

/** Size of the image with `pad` more pixels on every side. */
export function paddedSize({ height, width }: Size, pad: number): Size {
  return { height: height + 2 * pad, width: width + 2 * pad };
}

/** The part of the image whose pixels fill a box of the padded image. */
export function reflectedPart(image: Size, box: Box, pad: number): Box {
  const [top, height] = span(box.top - pad, box.height, image.height);
  const [left, width] = span(box.left - pad, box.width, image.width);
  return { top, left, height, width };
}

/** The pixels of a box of the padded image. */
export function paddedRowsOf(image: RgbImage, box: Box, pad: number): RgbRows {
  const { pixels, part } = image;
  const [top, left] = [box.top - pad, box.left - pad];
  return {
    height: box.height,
    width: box.width,
    copy: (y, from, to, into, at) => {
      const row = (reflected(top + y, image.height) - part.top) * part.width - part.left;
      // Copies the columns inside of the image at once, and those of the padding pixel by pixel.
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

/** First and number of the indices to which `first … first + count − 1` are reflected. */
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

/** As Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
