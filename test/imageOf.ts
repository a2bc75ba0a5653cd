import { type Dataset, imageBytes } from '../src/data/dataset.js';

/** The HWC bytes of an image of a dataset in shared memory. */
export function imageOf({ shared, imageShape }: Dataset, index: number): Uint8Array {
  const size = imageBytes(imageShape);
  const start = shared!.rows[index]! * size;
  return shared!.pixels.subarray(start, start + size);
}
