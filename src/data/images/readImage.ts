/** Reading one image from where it lies, decoded. */

import type { ImageLocation } from '../files/location.js';
import { makeShardReader } from '../pack/shardReader.js';
import { readRgb } from './decode.js';
import type { PartOf, RgbImage } from './rgbImage.js';

export interface ImageReader {
  /** Rejects with `DataError` or `StorageError` naming the file. */
  read(location: ImageLocation, partOf: PartOf): Promise<RgbImage>;
  /** Closes the shards that it has read from. */
  close(): void;
}

/** Reads images from files and shards; keeps a few shards open. */
export function makeImageReader(): ImageReader {
  const shards = makeShardReader();
  return {
    read: async ({ path, packed }, partOf) => {
      if (packed === undefined) return readRgb(path, partOf);
      partOf(packed);
      return shards.read(path, packed);
    },
    close: shards.close,
  };
}
