/** What the operations of AutoAugment share: their form and working memory. All follow Pillow 9.4 byte for byte. */
import type { ImageShape } from '../dataset.js';
import { imageBytes } from '../dataset.js';

/** Working memory of the operations, made once per shape, so that no image allocates. */
export interface Scratch {
  /** A copy of the image where an operation reads neighbours of what it has overwritten. */
  readonly source: Uint8Array;
  /** One lookup table of 256 bytes per channel. */
  readonly tables: Uint8Array;
  readonly histogram: Int32Array;
  /** One number per byte of a row. */
  readonly columns: Int32Array;
}

/** Changes an RGB image in place; `magnitude` carries the sign where the operation has one. */
export type Operation = (image: Uint8Array, shape: ImageShape, magnitude: number, scratch: Scratch) => void;

/** Grey of the pixels that a geometric operation brings in from outside. */
export const outside = 128;

export function makeScratch(shape: ImageShape): Scratch {
  return {
    source: new Uint8Array(imageBytes(shape)),
    tables: new Uint8Array(3 * 256),
    histogram: new Int32Array(256),
    columns: new Int32Array(shape.width * 3),
  };
}

/** Luma of an RGB pixel, ITU-R 601-2 in 16-bit fixed point (Pillow's convert('L')). */
export function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** Pillow's blend of two bytes in float32, first + alpha·(second − first), cut off to a byte; `alpha` must be a float32. */
export function blend(first: number, second: number, alpha: number): number {
  const value = Math.fround(first + Math.fround(alpha * (second - first)));
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}
