/** Reads one decoded image from a file, or from a shard of a packed set. */
import { makeShardReader, type PackedPlace } from '../pack/shardReader.js';
import { readRgb } from './decode.js';
import type { PartOf, RgbImage } from './rgbImage.js';

/** Where an image is: plain data, which worker threads receive with each batch. */
export interface ImageLocation {
  /** An image file or a shard. */
  readonly path: string;
  /** The place inside the shard; absent for an image file. */
  readonly packed?: PackedPlace;
}

export interface ImageReader {
  /** Rejects with `DataError` or `StorageError` naming the file. */
  read(location: ImageLocation, partOf: PartOf): Promise<RgbImage>;
  /** Closes the open shards. */
  close(): void;
}

/** A reader of images, which keeps a few shards open. */
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
