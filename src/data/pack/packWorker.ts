/** Worker thread of `gala data pack`: decodes, resizes and writes the images of shards. */
import { workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { shortSideSize } from '../images/boxes.js';
import { readRgb } from '../images/decode.js';
import { makeResizer } from '../images/resize.js';
import type { RgbImage } from '../images/rgbImage.js';
import { rowsOf, wholeBox, wholeImage } from '../images/rgbImage.js';
import { stampOf } from '../verify/fileStamp.js';
import { answerJobs } from '../workerPool.js';
import type { ShardIndex } from './packFormat.js';

export interface ShardJob {
  /** Paths of the shard and of its index. */
  readonly shard: string;
  readonly index: string;
  /** The files of its images and their classes. */
  readonly paths: readonly string[];
  readonly labels: readonly number[];
}

type Stamp = NonNullable<ShardIndex['stamps']>[number];

export interface PackWorkerData {
  readonly shortSide: number;
  /** Number of packed images, in shared memory. */
  readonly packed: Int32Array;
}

const { shortSide, packed } = workerData as PackWorkerData;
answerJobs(shardPacker(shortSide, packed));

/**
 * Packs shards, and counts images in `packed[0]`. Images whose shorter side is at most `shortSide` keep their size, so
 * that the central crop of evaluation has the bytes of the file. Rejects with `DataError` or `StorageError`.
 */
function shardPacker(shortSide: number, packed: Int32Array): (job: ShardJob) => Promise<void> {
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
    // Before the files are read: a file that changes meanwhile is packed again.
    const stamps = paths.map(path => [...(stampOf(path) ?? [0, 0, 0])] as Stamp);
    let next = readRgb(paths[0]!);
    for (let i = 0; i < paths.length; i++) {
      const image = await next;
      if (i + 1 < paths.length) {
        next = readRgb(paths[i + 1]!); // sharp decodes on its own thread while this thread resizes
        next.catch(() => undefined); // the next iteration throws the error
      }
      const { pixels, height, width } = reduced(image);
      images.push(pixels);
      entries.push([labels[i]!, height, width, crc32(pixels)]);
      Atomics.add(packed, 0, 1);
    }
    writeFileAtomic(shard, ...images);
    writeFileAtomic(index, `${JSON.stringify({ entries, stamps } satisfies ShardIndex)}\n`);
  };
}
