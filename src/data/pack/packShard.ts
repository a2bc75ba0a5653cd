/** Decoding, resizing and writing the images of one shard: the work of a packing worker. */
import { crc32 } from 'node:zlib';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { readRgb } from '../images/decode.js';
import { makeResizer } from '../images/resize.js';
import { shortSideSize } from '../images/resizedCrop.js';
import type { RgbImage } from '../images/rgbImage.js';
import { rowsOf, wholeBox, wholeImage } from '../images/rgbImage.js';
import type { ShardIndex } from './packFormat.js';

export interface ShardJob {
  /** Path of the shard and of its index. */
  readonly shard: string;
  readonly index: string;
  /** Files of its images, and their classes. */
  readonly paths: readonly string[];
  readonly labels: readonly number[];
}

/**
 * Packs shards; counts every image in `packed[0]`. Images whose shorter side is at most `shortSide` keep their size, so
 * that the central crop of evaluation is that of the file, byte for byte. Rejects with `DataError` or `StorageError`.
 */
export function shardPacker(shortSide: number, packed: Int32Array): (job: ShardJob) => Promise<void> {
  const resize = makeResizer();
  const reduced = (image: RgbImage): RgbImage => {
    if (Math.min(image.height, image.width) <= shortSide) return image;
    const size = shortSideSize(image, shortSide);
    const pixels = new Uint8Array(3 * size.height * size.width);
    resize(rowsOf(image, wholeBox(image)), size, wholeBox(size), pixels);
    return wholeImage(pixels, size);
  };
  return async ({ shard, index, paths, labels }) => {
    const entries: ShardIndex['entries'] = [];
    const images: Uint8Array[] = [];
    let next = readRgb(paths[0]!);
    for (let i = 0; i < paths.length; i++) {
      const image = await next;
      if (i + 1 < paths.length) {
        next = readRgb(paths[i + 1]!); // sharp decodes on a thread of its own while this one is resized
        next.catch(() => undefined); // the next turn sees the error
      }
      const { pixels, height, width } = reduced(image);
      images.push(pixels);
      entries.push([labels[i]!, height, width, crc32(pixels)]);
      Atomics.add(packed, 0, 1);
    }
    writeFileAtomic(shard, ...images);
    writeFileAtomic(index, `${JSON.stringify({ entries } satisfies ShardIndex)}\n`);
  };
}
