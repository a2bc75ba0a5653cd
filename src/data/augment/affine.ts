/**
 * Pillow's affine transforms of a whole RGB image, byte for byte. The centre (x + ½, y + ½) of each output pixel is
 * mapped to a point of the input; points outside get the fill colour. Shears and translations along one axis keep the
 * other coordinate a whole number. There, interpolation in one dimension gives the bits of Pillow's two dimensions.
 */
import type { ImageShape } from '../dataset.js';
import type { Scratch } from './operation.js';

export type Interpolation = 'bilinear' | 'bicubic';
/** Colour of pixels from outside of the image. */
type Fill = readonly [red: number, green: number, blue: number];

/** How far pixels move along an axis: `shear` times the other coordinate, plus `shift`. */
export interface Move {
  readonly shear: number;
  readonly shift: number;
}

export interface Sampling {
  readonly interpolation: Interpolation;
  readonly fill: Fill;
}

/** In place: out(x, y) = in(x + shear·y + shift, y). */
export function moveAlongX(image: Uint8Array, shape: ImageShape, move: Move, how: Sampling, scratch: Scratch): void {
  const { height, width } = shape;
  move1d(image, { lines: height, lineStep: 3 * width, length: width, step: 3 }, move, how, scratch);
}

/** In place: out(x, y) = in(x, y + shear·x + shift). */
export function moveAlongY(image: Uint8Array, shape: ImageShape, move: Move, how: Sampling, scratch: Scratch): void {
  const { height, width } = shape;
  move1d(image, { lines: width, lineStep: 3, length: height, step: 3 * width }, move, how, scratch);
}

/** The pixel (x, y) of a rotated image comes from (cos·x + sin·y + originX, −sin·x + cos·y + originY). */
function rotationBy(degrees: number, { height, width }: ImageShape) {
  const angle = (-degrees * Math.PI) / 180;
  const cos = roundedTo15(Math.cos(angle));
  const sin = roundedTo15(Math.sin(angle));
  const originX = cos * (-width / 2) + sin * (-height / 2) + width / 2;
  const originY = -sin * (-width / 2) + cos * (-height / 2) + height / 2;
  return { cos, sin, originX, originY };
}

/** Rotates in place, counter-clockwise by `degrees` about the centre. */
export function rotateBy(
  image: Uint8Array,
  shape: ImageShape,
  degrees: number,
  { interpolation, fill }: Sampling,
  { source }: Scratch,
): void {
  if (degrees % 360 === 0) return;
  source.set(image);
  const { height, width } = shape;
  const { cos, sin, originX, originY } = rotationBy(degrees, shape);
  const sample = interpolation === 'bilinear' ? sampleBilinear : sampleBicubic;
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 3) {
      const fromX = cos * (x + 0.5) + sin * (y + 0.5) + originX;
      const fromY = -sin * (x + 0.5) + cos * (y + 0.5) + originY;
      if (fromX >= 0 && fromX < width && fromY >= 0 && fromY < height) {
        sample(source, height, width, fromX - 0.5, fromY - 0.5, image, out);
      } else {
        image[out] = fill[0];
        image[out + 1] = fill[1];
        image[out + 2] = fill[2];
      }
    }
  }
}

/** As `rotateBy`, with the nearest pixel, in Pillow's 16.16 fixed point; pixels from outside become `fill`. */
export function rotateNearest(
  image: Uint8Array,
  shape: ImageShape,
  degrees: number,
  fill: number,
  { source }: Scratch,
): void {
  if (degrees % 360 === 0) return;
  source.set(image);
  const { height, width } = shape;
  const { cos, sin, originX, originY } = rotationBy(degrees, shape);
  const stepX = fixed(cos);
  const stepY = fixed(-sin);
  let rowX = fixed(originX + cos * 0.5 + sin * 0.5);
  let rowY = fixed(originY + -sin * 0.5 + cos * 0.5);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0, atX = rowX, atY = rowY; x < width; x++, out += 3, atX += stepX, atY += stepY) {
      const fromX = atX >> 16;
      const fromY = atY >> 16;
      if (fromX >= 0 && fromX < width && fromY >= 0 && fromY < height) {
        const from = 3 * (fromY * width + fromX);
        image[out] = source[from]!;
        image[out + 1] = source[from + 1]!;
        image[out + 2] = source[from + 2]!;
      } else {
        image[out] = image[out + 1] = image[out + 2] = fill;
      }
    }
    rowX += fixed(sin);
    rowY += stepX;
  }
}

/** Pillow rounds the rotation matrix to 15 decimals. */
function roundedTo15(value: number): number {
  return Number(value.toFixed(15));
}

function fixed(value: number): number {
  return Math.floor(value * 65536 + 0.5);
}

/** Pixels of a line are `step` bytes apart, lines `lineStep`. */
interface Lines {
  readonly lines: number;
  readonly lineStep: number;
  readonly length: number;
  readonly step: number;
}

function move1d(
  image: Uint8Array,
  { lines, lineStep, length, step }: Lines,
  { shear, shift }: Move,
  { interpolation, fill }: Sampling,
  { source }: Scratch,
): void {
  source.set(image);
  const isCubic = interpolation === 'bicubic';
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    const offset = shear * (line + 0.5) + shift;
    for (let i = 0, out = start; i < length; i++, out += step) {
      const from = i + 0.5 + offset;
      if (!(from >= 0 && from < length)) {
        image[out] = fill[0];
        image[out + 1] = fill[1];
        image[out + 2] = fill[2];
        continue;
      }
      const first = Math.floor(from - 0.5);
      const fraction = from - 0.5 - first;
      const b = start + step * (first < 0 ? 0 : first);
      const c = start + step * (first + 1 < length ? first + 1 : length - 1);
      if (isCubic) {
        const a = start + step * (first < 1 ? 0 : first - 1);
        const d = start + step * (first + 2 < length ? first + 2 : length - 1);
        for (let k = 0; k < 3; k++) {
          image[out + k] = byte(cubic(source[a + k]!, source[b + k]!, source[c + k]!, source[d + k]!, fraction));
        }
      } else {
        for (let k = 0; k < 3; k++) {
          const value = source[b + k]!;
          image[out + k] = value + (source[c + k]! - value) * fraction;
        }
      }
    }
  }
}

function sampleBilinear(
  source: Uint8Array,
  height: number,
  width: number,
  x: number,
  y: number,
  image: Uint8Array,
  out: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const column0 = left < 0 ? 0 : 3 * left;
  const column1 = left + 1 < width ? 3 * left + 3 : 3 * (width - 1);
  const row0 = top < 0 ? 0 : 3 * width * top;
  const row1 = 3 * width * (top + 1 < height ? top + 1 : height - 1);
  for (let k = 0; k < 3; k++) {
    const first = source[row0 + column0 + k]!;
    const upper = first + (source[row0 + column1 + k]! - first) * dx;
    const second = source[row1 + column0 + k]!;
    const lower = second + (source[row1 + column1 + k]! - second) * dx;
    image[out + k] = upper + (lower - upper) * dy;
  }
}

function sampleBicubic(
  source: Uint8Array,
  height: number,
  width: number,
  x: number,
  y: number,
  image: Uint8Array,
  out: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const rowBytes = 3 * width;
  const c0 = left < 1 ? 0 : 3 * (left - 1);
  const c1 = left < 0 ? 0 : 3 * left;
  const c2 = 3 * (left + 1 < width ? left + 1 : width - 1);
  const c3 = 3 * (left + 2 < width ? left + 2 : width - 1);
  const r0 = top < 1 ? 0 : rowBytes * (top - 1);
  const r1 = top < 0 ? 0 : rowBytes * top;
  const r2 = rowBytes * (top + 1 < height ? top + 1 : height - 1);
  const r3 = rowBytes * (top + 2 < height ? top + 2 : height - 1);
  for (let k = 0; k < 3; k++) {
    const v0 = cubic(source[r0 + c0 + k]!, source[r0 + c1 + k]!, source[r0 + c2 + k]!, source[r0 + c3 + k]!, dx);
    const v1 = cubic(source[r1 + c0 + k]!, source[r1 + c1 + k]!, source[r1 + c2 + k]!, source[r1 + c3 + k]!, dx);
    const v2 = cubic(source[r2 + c0 + k]!, source[r2 + c1 + k]!, source[r2 + c2 + k]!, source[r2 + c3 + k]!, dx);
    const v3 = cubic(source[r3 + c0 + k]!, source[r3 + c1 + k]!, source[r3 + c2 + k]!, source[r3 + c3 + k]!, dx);
    image[out + k] = byte(cubic(v0, v1, v2, v3, dy));
  }
}

/** Pillow's bicubic (a = −1) between `b` and `c`. */
function cubic(a: number, b: number, c: number, d: number, fraction: number): number {
  return b + fraction * (c - a + fraction * (2 * (a - b) + c - d + fraction * (b - a - c + d)));
}

/** Clips to 0 … 255 and cuts off the fraction. */
function byte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}
