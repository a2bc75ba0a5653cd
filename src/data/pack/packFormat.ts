/**
 * The files of a packed split: `pack.json` describes it, `00000.rgb` … are the shards with decoded images, and
 * `00000.json` … have the label, size and checksum of each image, and the stamp of its file. A shard is complete when
 * it has its `.json`.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { largestText, readRegularText } from '../../io/regularFile.js';

const positive = z.number().int().min(1);

export const packSchema = z.object({
  format: z.literal(1),
  dataset: z.string(),
  split: z.string(),
  images: positive,
  /** Shorter side of images that were larger before. */
  short_side: positive,
  images_per_shard: positive,
  class_names: z.array(z.string()),
  /** sha256 of the list of the packed files. */
  source_fingerprint: z.string(),
  /** Name of the list without its folder; absent for folders of classes and in packs of earlier versions. */
  list: z.string().optional(),
  /** sha256 of the whole list, including images that are not in the pack. */
  list_fingerprint: z.string().optional(),
  /** Remarks on the files that were packed; absent in packs of earlier versions. */
  notes: z.array(z.string()).optional(),
});

export const shardSchema = z.object({
  /** Label, height, width and CRC-32 of each image, in order. */
  entries: z.array(z.tuple([z.number(), positive, positive, z.number()])),
  /** `stampOf` of the file of each image; absent in packs of earlier versions. */
  stamps: z.array(z.tuple([z.number(), z.number(), z.number()])).optional(),
});

export type PackHeader = z.output<typeof packSchema>;
export type ShardIndex = z.output<typeof shardSchema>;

export const headerPath = (folder: string) => join(folder, 'pack.json');
export const shardPath = (folder: string, shard: number) => join(folder, `${String(shard).padStart(5, '0')}.rgb`);
export const shardIndexPath = (folder: string, shard: number) => shardPath(folder, shard).replace(/rgb$/, 'json');
export const shardCount = ({ images, images_per_shard }: PackHeader) => Math.ceil(images / images_per_shard);

/** Number of images in a shard; the last shard may have fewer. */
export function imagesInShard({ images, images_per_shard }: PackHeader, shard: number): number {
  return Math.min(images_per_shard, images - shard * images_per_shard);
}

/** The content of a JSON file of a pack. Throws `DataError` when the file is missing or damaged. */
export function readPackFile<T>(path: string, schema: z.ZodType<T>): T {
  let reason: string;
  try {
    const checked = schema.safeParse(JSON.parse(readRegularText(path, largestText)));
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    reason = `${issue!.path.join('.') || 'the file'}: ${issue!.message}`;
  } catch (error) {
    reason = reasonOf(error);
  }
  throw new DataError(`A file of the packed set could not be read: ${reason}.`, {
    where: path,
    next: 'Delete it and give the same `gala data pack` again: it makes only what is missing.',
  });
}
