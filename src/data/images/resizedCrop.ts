/**
 * Where torchvision's Resize, CenterCrop and RandomResizedCrop put their boxes; sizes and halves round as in Python.
 */
import type { Random } from '../../random.js';
import type { Box, Size } from './rgbImage.js';

const smallestArea = 0.08;
const widestRatio = 4 / 3;
const attempts = 10;

/** Resize(side): the shorter side becomes `side`, the longer one keeps the ratio, cut off to a whole number. */
export function shortSideSize({ height, width }: Size, side: number): Size {
  return height <= width
    ? { height: side, width: Math.trunc((side * width) / height) }
    : { height: Math.trunc((side * height) / width), width: side };
}

/** CenterCrop(side) of an image at least as large. */
export function centreBox({ height, width }: Size, side: number): Box {
  return {
    top: roundHalfEven((height - side) / 2),
    left: roundHalfEven((width - side) / 2),
    height: side,
    width: side,
  };
}

/**
 * RandomResizedCrop's box (Szegedy et al. 2015, as in torchvision): area 8 to 100 % of the image, ratio 3/4 to 4/3
 * drawn on a log scale, a uniform place; after ten boxes that do not fit, the largest central one of an allowed ratio.
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
 * Area fraction, log of width over height (both float32), and the place as fractions of the room below and to the
 * right.
 */
export type BoxDraw = readonly [area: number, logRatio: number, top: number, left: number];

/** The box of one draw; undefined where it does not fit into the image. */
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

/** Python's round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
