/** Reading decoded images out of the shards of a packed set. */
import { openSync, read } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError } from '../../errors.js';
import type { PackedPlace } from './location.js';
import type { RgbImage } from './rgbImage.js';
import { wholeImage } from './rgbImage.js';

/** A reader that opens each shard once. Rejects with `DataError` when a shard is missing, cut off or changed. */
export function makeShardReader(): (path: string, place: PackedPlace) => Promise<RgbImage> {
  const open = new Map<string, number>();
  const shard = (path: string) => {
    let file = open.get(path);
    if (file === undefined) {
      try {
        file = openSync(path, 'r');
      } catch (error) {
        throw damaged(`The shard could not be opened: ${(error as Error).message}`, path);
      }
      open.set(path, file);
    }
    return file;
  };
  return async (path, { offset, height, width, checksum }) => {
    const pixels = Buffer.allocUnsafeSlow(3 * height * width);
    const got = await readFully(shard(path), pixels, offset, path);
    if (got < pixels.length)
      throw damaged('The shard is cut off: it ends inside of an image', `${path}, byte ${offset}`);
    if (crc32(pixels) !== checksum) {
      throw damaged('The shard is damaged: the bytes of an image have changed', `${path}, byte ${offset}`);
    }
    return wholeImage(pixels, { height, width });
  };
}

function readFully(file: number, into: Uint8Array, offset: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const go = (done: number) => {
      read(file, into, done, into.length - done, offset + done, (error, got) => {
        if (error) reject(damaged(`The shard could not be read: ${error.message}`, path));
        else if (got === 0 || done + got === into.length) resolve(done + got);
        else go(done + got);
      });
    };
    go(0);
  });
}

function damaged(what: string, where: string): DataError {
  return new DataError(`${what}.`, {
    where,
    next: 'Delete this shard and give the same `gala data pack` again: it makes only what is missing.',
  });
}
