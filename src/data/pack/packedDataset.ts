/** A dataset read from a packed split. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '../../errors.js';
import { sha256 } from '../../io/hash.js';
import { shellWord } from '../../io/shellWord.js';
import type { Dataset } from '../dataset.js';
import type { ImageLocation } from '../files/location.js';
import type { InputSize } from '../files/storedDataset.js';
import { storedDataset } from '../files/storedDataset.js';
import { sharedInt32 } from '../pipeline/sharedDataset.js';
import type { PackHeader, ShardIndex } from './packFormat.js';
import {
  headerPath,
  imagesInShard,
  packSchema,
  readPackFile,
  shardCount,
  shardIndexPath,
  shardPath,
  shardSchema,
} from './packFormat.js';

/** Whether `root` is what `gala data pack` wrote: a folder of packed splits. */
export function isPackedSet(root: string): boolean {
  return ['train', 'val', 'test'].some(split => existsSync(headerPath(join(root, split))));
}

/**
 * Opens a split of a packed set. Throws `DataError` for a missing split, a missing or cut-off shard and a damaged
 * index, `ConfigError` when its images are smaller than the config wants.
 */
export function openPackedSplit(root: string, split: string, size: InputSize): Dataset {
  const folder = join(root, split);
  if (!existsSync(headerPath(folder))) {
    throw new DataError(`The packed set has no split ${split}.`, {
      where: folder,
      next: `Pack it: \`gala data pack --config CONFIG --data DIR --split ${split} --output ${shellWord(root)}\`.`,
    });
  }
  const header = readPackFile(headerPath(folder), packSchema);
  if (header.short_side < size.shortSide) {
    throw new ConfigError(
      `The packed images have a shorter side of ${header.short_side}; the config resizes to ${size.shortSide}.`,
      {
        where: headerPath(folder),
        next: `Pack them again with --short-side ${size.shortSide}, or read the image files.`,
      },
    );
  }
  const places = readPlaces(folder, header);
  return storedDataset({
    name: header.dataset,
    classNames: header.class_names,
    length: header.images,
    labels: places.labels,
    locate: places.locate,
    fingerprint: sha256(header.source_fingerprint, `packed, short side ${header.short_side}`),
    form: `packed, short side ${header.short_side}`,
    size,
  });
}

function readPlaces(folder: string, header: PackHeader): { labels: Int32Array; locate(index: number): ImageLocation } {
  const { images, images_per_shard } = header;
  const labels = sharedInt32(images);
  const heights = new Int32Array(images);
  const widths = new Int32Array(images);
  const checksums = new Uint32Array(images);
  const offsets = new Float64Array(images);
  for (let shard = 0, i = 0; shard < shardCount(header); shard++) {
    let offset = 0;
    for (const [label, height, width, checksum] of readShardIndex(folder, header, shard).entries) {
      labels[i] = label;
      heights[i] = height;
      widths[i] = width;
      checksums[i] = checksum;
      offsets[i] = offset;
      offset += 3 * height * width;
      i++;
    }
    checkSize(shardPath(folder, shard), offset);
  }
  return {
    labels,
    locate: index => ({
      path: shardPath(folder, Math.floor(index / images_per_shard)),
      packed: {
        offset: offsets[index]!,
        height: heights[index]!,
        width: widths[index]!,
        checksum: checksums[index]!,
      },
    }),
  };
}

function readShardIndex(folder: string, header: PackHeader, shard: number): ShardIndex {
  const path = shardIndexPath(folder, shard);
  if (!existsSync(path)) {
    throw new DataError(`The packed set is not complete: of ${shardCount(header)} shards number ${shard} is missing.`, {
      where: path,
      next: 'Give the same `gala data pack` again: it goes on where it was.',
    });
  }
  const index = readPackFile(path, shardSchema);
  const expected = imagesInShard(header, shard);
  const classes = header.class_names.length;
  if (index.entries.length !== expected || index.entries.some(([label]) => !(label >= 0 && label < classes))) {
    throw new DataError(`The index of a shard is damaged: it does not have ${expected} images of ${classes} classes.`, {
      where: path,
      next: 'Delete it and give the same `gala data pack` again: it makes only what is missing.',
    });
  }
  return index;
}

function checkSize(path: string, bytes: number): void {
  const size = existsSync(path) ? statSync(path).size : undefined;
  if (size === bytes) return;
  throw new DataError(
    size === undefined ? 'A shard is missing.' : `The shard has ${size} bytes, its index tells of ${bytes}.`,
    { where: path, next: 'Give the same `gala data pack` again: it makes only what is missing.' },
  );
}
