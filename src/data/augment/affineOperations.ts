/**
 * AutoAugment operations that move pixels: shear (bicubic), translate and rotate (nearest); what comes from outside is
 * grey.
 */
import { moveAlongX, moveAlongY, roundedTo15 } from './affine.js';
import type { Operation } from './operation.js';
import { outside } from './operation.js';
import { shift } from './shift.js';

const grey = { interpolation: 'bicubic', fill: [outside, outside, outside] } as const;

/** out(x, y) = in(x + magnitude·y, y), bicubic. */
export const shearX: Operation = (image, shape, magnitude, scratch) => {
  moveAlongX(image, shape, { shear: magnitude, shift: 0 }, grey, scratch);
};

/** out(x, y) = in(x, y + magnitude·x), bicubic. */
export const shearY: Operation = (image, shape, magnitude, scratch) => {
  moveAlongY(image, shape, { shear: magnitude, shift: 0 }, grey, scratch);
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

function fixed(value: number): number {
  return Math.floor(value * 65536 + 0.5);
}
