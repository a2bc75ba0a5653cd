/** Reads decoded images from the shards of a packed set. */
import { closeSync, read } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError } from '../../errors.js';
import { diskFault } from '../../io/faults.js';
import { openRegularFile } from '../../io/regularFile.js';
import { type RgbImage, wholeImage } from '../images/rgbImage.js';

/** The place of an image in a shard. */
export interface PackedPlace {
  /** First byte. */
  readonly offset: number;
  readonly height: number;
  readonly width: number;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
}

export interface ShardReader {
  /**
   * Rejects with `DataError` when a shard is cut off or changed, with `StorageError` when it cannot be opened or read.
   */
  read(path: string, place: PackedPlace): Promise<RgbImage>;
  /** Closes the open shards, each after its last read has ended. */
  close(): void;
}

/** Shards that a reader keeps open. A large set has hundreds, and each worker has its own reader. */
const mostOpen = 16;

interface OpenShard {
  readonly file: number;
  /** Number of reads that have not ended. */
  reads: number;
}

/** A reader that keeps the 16 last used shards open, or more while they are being read. */
export function makeShardReader(): ShardReader {
  /** In the order of their last use. */
  const open = new Map<string, OpenShard>();
  let most = mostOpen;
  const take = (path: string): OpenShard => {
    const shard = open.get(path) ?? { file: openShard(path), reads: 0 };
    shard.reads++;
    open.delete(path);
    open.set(path, shard);
    closeOldest();
    return shard;
  };
  const closeOldest = () => {
    for (const [path, { file, reads }] of open) {
      if (open.size <= most) return;
      if (reads > 0) continue;
      open.delete(path);
      closeSync(file);
    }
  };
  return {
    read: async (path, { offset, height, width, checksum }) => {
      const pixels = Buffer.allocUnsafeSlow(3 * height * width);
      const shard = take(path);
      try {
        const got = await readFully(shard.file, pixels, offset, path);
        if (got < pixels.length)
          throw damaged('The shard is cut off: it ends inside of an image', `${path}, byte ${offset}`);
      } finally {
        shard.reads--;
        closeOldest();
      }
      if (crc32(pixels) !== checksum) {
        throw damaged('The shard is damaged: the bytes of an image have changed', `${path}, byte ${offset}`);
      }
      return wholeImage(pixels, { height, width });
    },
    close: () => {
      most = 0;
      closeOldest();
    },
  };
}

function openShard(path: string): number {
  try {
    return openRegularFile(path).descriptor;
  } catch (error) {
    throw diskFault('The shard could not be opened', path, error);
  }
}

function readFully(file: number, into: Uint8Array, offset: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const go = (done: number) => {
      read(file, into, done, into.length - done, offset + done, (error, got) => {
        if (error) reject(diskFault('The shard could not be read', path, error));
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
