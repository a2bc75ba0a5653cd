/** Reading one image from where it lies, decoded. */
import { readRgb } from './decode.js';
import type { ImageLocation } from './location.js';
import type { PartOf, RgbImage } from './rgbImage.js';
import { makeShardReader } from './shardReader.js';

export type ImageReader = (location: ImageLocation, partOf: PartOf) => Promise<RgbImage>;

/** Reads images from files and shards; keeps the shards open that it has read from. Rejects with `DataError` naming the file. */
export function makeImageReader(): ImageReader {
  const readPacked = makeShardReader();
  return async ({ path, packed }, partOf) => {
    if (packed === undefined) return readRgb(path, partOf);
    partOf(packed);
    return readPacked(path, packed);
  };
}
