/** Packs images: decodes and resizes every image once, into shards that training reads without decoding. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DataError, GalaError } from '../../errors.js';
import { removeTemporaries, writeFileAtomic } from '../../io/atomicFile.js';
import { diskFault } from '../../io/faults.js';
import { withFolderLock } from '../../io/folderLock.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { sharedInt32 } from '../dataset.js';
import type { ImageFiles } from '../files/imageFiles.js';
import { requireSharp } from '../images/sharp.js';
import { stampOf } from '../verify/fileStamp.js';
import { openWorkerPool } from '../workerPool.js';
import {
  headerPath,
  imagesInShard,
  type PackHeader,
  packSchema,
  readPackFile,
  shardCount,
  shardIndexPath,
  shardPath,
  shardSchema,
} from './packFormat.js';
import type { PackWorkerData, ShardJob } from './packWorker.js';

export interface PackOptions {
  readonly files: ImageFiles;
  readonly split: string;
  /** Name and sha256 of the list of the files; absent for class folders. */
  readonly list?: { readonly name: string; readonly fingerprint: string } | undefined;
  /** Remarks on the files, for `pack.json` and for runs that use the pack. */
  readonly notes?: readonly string[] | undefined;
  readonly folder: string;
  readonly shortSide: number;
  readonly workers: number;
  /** By default as many as fit into 64 MB. */
  readonly imagesPerShard?: number;
  /** Called several times a second with the number of packed images. */
  readonly onProgress: (images: number) => void;
  /** Called when another process packs into the folder, with its description. */
  readonly onWait?: (holder: string) => void;
}

export interface PackSummary {
  readonly images: number;
  /** Images that an earlier call had packed. */
  readonly found: number;
  readonly bytes: number;
}

/** Most bytes of a shard whose images have a ratio of 4:3. */
const shardBytes = 2 ** 26;
const progressMilliseconds = 200;

/**
 * Packs a split into `folder`. Makes only the shards that are missing or cut off, or of which a file has changed, so
 * that it continues after a killed call. Waits while another process packs into the folder. Rejects with `DataError`
 * naming an image that cannot be decoded, or when the folder has another pack, and with `StorageError` when the folder
 * cannot be written.
 */
export async function packImages(options: PackOptions): Promise<PackSummary> {
  const { folder, onWait = () => undefined } = options;
  requireSharp();
  try {
    makeFolderBelow(dirname(folder), basename(folder));
    return await withFolderLock(folder, onWait, () => packLocked(options));
  } catch (error) {
    throw error instanceof GalaError ? error : diskFault('The folder could not be packed into', folder, error);
  }
}

async function packLocked(options: PackOptions): Promise<PackSummary> {
  const { files, split, folder, shortSide, workers, onProgress } = options;
  const header: PackHeader = {
    format: 1,
    dataset: files.name,
    split,
    images: files.length,
    short_side: shortSide,
    images_per_shard: options.imagesPerShard ?? Math.max(1, Math.floor(shardBytes / (4 * shortSide ** 2))),
    class_names: [...files.classNames],
    source_fingerprint: files.fingerprint,
    ...(options.notes && { notes: [...options.notes] }),
    ...(options.list && { list: options.list.name, list_fingerprint: options.list.fingerprint }),
  };
  begin(folder, header);
  const shards = Array.from({ length: shardCount(header) }, (_, shard) => shard);
  const missing = shards.filter(shard => !isWhole(folder, header, shard, files));
  const found = files.length - missing.reduce((sum, shard) => sum + imagesInShard(header, shard), 0);
  const packed = sharedInt32(1);
  const report = () => onProgress(found + Atomics.load(packed, 0));
  const timer = setInterval(report, progressMilliseconds);
  const workerFile = new URL('./packWorker.js', import.meta.url);
  const data: PackWorkerData = { shortSide, packed };
  const pool = openWorkerPool<ShardJob>(workerFile, workers, data, { work: 'packing' });
  try {
    // Queue only a few jobs, because each has the paths of all its images.
    const waiting = missing.values();
    const lane = async () => {
      for (const shard of waiting) await pool.run(jobOf(files, folder, header, shard));
    };
    await Promise.all(Array.from({ length: workers }, lane));
    report();
  } finally {
    clearInterval(timer);
    await pool.close();
  }
  const bytes = shards.reduce((sum, shard) => sum + statSync(shardPath(folder, shard)).size, 0);
  return { images: files.length, found, bytes };
}

function begin(folder: string, header: PackHeader): void {
  const path = headerPath(folder);
  if (existsSync(path)) {
    const before = readPackFile(path, packSchema);
    for (const key of ['dataset', 'split', 'short_side', 'images_per_shard', 'source_fingerprint'] as const) {
      if (before[key] === header[key]) continue;
      const difference =
        key === 'source_fingerprint' ? 'of other images' : `with ${key} ${before[key]}, not ${header[key]}`;
      throw new DataError(`The folder holds another pack, ${difference}.`, {
        where: path,
        next: 'Give another --output, or delete this folder.',
      });
    }
    removeTemporaries(folder);
    // The class names or the name of the list can differ, although the images are the same.
    if (isDeepStrictEqual(before, header)) return;
  }
  writeFileAtomic(path, `${JSON.stringify(header, null, 2)}\n`);
}

/** Whether a shard has the size that its index gives, and its files are those that were packed. */
function isWhole(folder: string, header: PackHeader, shard: number, files: ImageFiles): boolean {
  const index = shardIndexPath(folder, shard);
  if (!existsSync(index) || !existsSync(shardPath(folder, shard))) return false;
  const { entries, stamps = [] } = readPackFile(index, shardSchema);
  const first = shard * header.images_per_shard;
  if (stamps.some((stamp, i) => !isDeepStrictEqual(stamp, stampOf(files.path(first + i))))) return false;
  const bytes = entries.reduce((sum, [, height, width]) => sum + 3 * height * width, 0);
  return entries.length === imagesInShard(header, shard) && statSync(shardPath(folder, shard)).size === bytes;
}

function jobOf(files: ImageFiles, folder: string, header: PackHeader, shard: number): ShardJob {
  const first = shard * header.images_per_shard;
  const indices = Array.from({ length: imagesInShard(header, shard) }, (_, i) => first + i);
  return {
    shard: shardPath(folder, shard),
    index: shardIndexPath(folder, shard),
    paths: indices.map(index => files.path(index)),
    labels: indices.map(index => files.labels[index]!),
  };
}
