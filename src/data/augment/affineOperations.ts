/** AutoAugment operations that move pixels: shear (bicubic), translate and rotate (nearest); what comes from outside is grey. */
import type { Operation } from './operation.js';
import { outside } from './operation.js';
import { shift } from './shift.js';

/**
 * out(x, y) = in(x + magnitude·y, y), pixel centres at ½. Rows stay rows, so Pillow's bicubic weights are 0 but along x.
 */
export const shearX: Operation = (image, { height, width }, magnitude, { source }) => {
  source.set(image);
  for (let y = 0, out = 0; y < height; y++) {
    const row = y * width * 3;
    for (let x = 0; x < width; x++, out += 3) {
      const at = x + 0.5 + magnitude * (y + 0.5);
      if (at < 0 || at >= width) {
        image[out] = image[out + 1] = image[out + 2] = outside;
        continue;
      }
      const first = Math.floor(at - 0.5);
      const fraction = at - 0.5 - first;
      const a = row + 3 * Math.max(0, first - 1);
      const b = row + 3 * Math.max(0, first);
      const c = row + 3 * Math.min(width - 1, first + 1);
      const d = row + 3 * Math.min(width - 1, first + 2);
      for (let k = 0; k < 3; k++) {
        image[out + k] = cubic(source[a + k]!, source[b + k]!, source[c + k]!, source[d + k]!, fraction);
      }
    }
  }
};

/** out(x, y) = in(x, y + magnitude·x), pixel centres at ½; bicubic along y. */
export const shearY: Operation = (image, { height, width }, magnitude, { source }) => {
  source.set(image);
  const row = width * 3;
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 3) {
      const at = magnitude * (x + 0.5) + (y + 0.5);
      if (at < 0 || at >= height) {
        image[out] = image[out + 1] = image[out + 2] = outside;
        continue;
      }
      const first = Math.floor(at - 0.5);
      const fraction = at - 0.5 - first;
      const a = row * Math.max(0, first - 1) + 3 * x;
      const b = row * Math.max(0, first) + 3 * x;
      const c = row * Math.min(height - 1, first + 1) + 3 * x;
      const d = row * Math.min(height - 1, first + 2) + 3 * x;
      for (let k = 0; k < 3; k++) {
        image[out + k] = cubic(source[a + k]!, source[b + k]!, source[c + k]!, source[d + k]!, fraction);
      }
    }
  }
};

/** out(x, y) = in(x + magnitude·width, y), nearest. */
export const translateX: Operation = (image, shape, magnitude) => {
  shift(image, shape, 0, Math.floor(magnitude * shape.width + 0.5), outside);
};

/** out(x, y) = in(x, y + magnitude·height), nearest. */
export const translateY: Operation = (image, shape, magnitude) => {
  shift(image, shape, Math.floor(magnitude * shape.height + 0.5), 0, outside);
};

/** Turns counter-clockwise by `magnitude` degrees about the centre, nearest, in Pillow's 16.16 fixed point. */
export const rotate: Operation = (image, { height, width }, magnitude, { source }) => {
  if (magnitude % 360 === 0) return;
  source.set(image);
  const angle = (-magnitude * Math.PI) / 180;
  const cos = roundedTo15(Math.cos(angle));
  const sin = roundedTo15(Math.sin(angle));
  const originX = cos * (-width / 2) + sin * (-height / 2) + width / 2;
  const originY = -sin * (-width / 2) + cos * (-height / 2) + height / 2;
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
        image[out] = image[out + 1] = image[out + 2] = outside;
      }
    }
    rowX += fixed(sin);
    rowY += stepX;
  }
};

/** Pillow's bicubic (a = −1) between `b` and `c`, cut off to a byte. */
function cubic(a: number, b: number, c: number, d: number, fraction: number): number {
  const value = b + fraction * (c - a + fraction * (2 * (a - b) + c - d + fraction * (b - a - c + d)));
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}

function fixed(value: number): number {
  return Math.floor(value * 65536 + 0.5);
}

/** Pillow rounds the rotation matrix to 15 decimals. */
function roundedTo15(value: number): number {
  return Number(value.toFixed(15));
}
