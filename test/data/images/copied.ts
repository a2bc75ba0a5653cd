import type { RgbRows } from '../../../src/data/images/rgbImage.js';

/** The pixels of a part of an image, row after row. */
export function copied(rows: RgbRows): Uint8Array {
  const bytes = new Uint8Array(3 * rows.height * rows.width);
  for (let y = 0; y < rows.height; y++) rows.copy(y, 0, rows.width, bytes, 3 * y * rows.width);
  return bytes;
}
