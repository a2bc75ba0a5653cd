/**
 * The files of a packed split: `pack.json` says what it holds, `00000.rgb` … are decoded images one after the other,
 * and `00000.json` … say where each begins. A shard is whole once its `.json` is there.
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
  /** Shorter side of the images that were larger. */
  short_side: positive,
  images_per_shard: positive,
  class_names: z.array(z.string()),
  /** sha256 of the list of files that were packed. */
  source_fingerprint: z.string(),
  /** Name of the list without its folder; absent for folders of classes and in packs of earlier versions. */
  list: z.string().optional(),
  /** sha256 of the whole list, with the images that were left out of the pack. */
  list_fingerprint: z.string().optional(),
  /** Remarks on the files that were packed; absent in packs of earlier versions. */
  notes: z.array(z.string()).optional(),
});

/** Label, height, width and CRC-32 of each image, in order. */
export const shardSchema = z.object({ entries: z.array(z.tuple([z.number(), positive, positive, z.number()])) });

export type PackHeader = z.output<typeof packSchema>;
export type ShardIndex = z.output<typeof shardSchema>;

export const headerPath = (folder: string) => join(folder, 'pack.json');
export const shardPath = (folder: string, shard: number) => join(folder, `${String(shard).padStart(5, '0')}.rgb`);
export const shardIndexPath = (folder: string, shard: number) => shardPath(folder, shard).replace(/rgb$/, 'json');
export const shardCount = ({ images, images_per_shard }: PackHeader) => Math.ceil(images / images_per_shard);

/** Images of one shard: all but the last have the same number. */
export function imagesInShard({ images, images_per_shard }: PackHeader, shard: number): number {
  return Math.min(images_per_shard, images - shard * images_per_shard);
}

/** The checked content of a JSON file of a pack. Throws `DataError` when it is missing or damaged. */
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
