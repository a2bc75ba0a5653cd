/** Opens a packed set, which `gala data pack` wrote, and checks that it fits the config. */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigError, DataError } from '../../errors.js';
import { sha256 } from '../../io/hash.js';
import { shellWord } from '../../io/shellWord.js';
import { type Dataset, sharedInt32 } from '../dataset.js';
import { readImageList } from '../files/imageList.js';
import { type ImageSetConfig, placesOfList } from '../files/imageSplits.js';
import { sharesOf } from '../files/splitList.js';
import { storedDataset } from '../files/storedDataset.js';
import type { ImageLocation } from '../images/readImage.js';
import type { InputSize } from '../schema.js';
import type { ImageSplit } from '../sets/definition.js';
import { ownSet, publishedSet } from '../sets/index.js';
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

/** Whether `root` has packed splits. */
export function isPackedSet(root: string): boolean {
  return ['train', 'val', 'test'].some(split => existsSync(headerPath(join(root, split))));
}

/**
 * Opens the splits of a packed set, with remarks. Throws `DataError` where the pack is damaged or was made from another
 * dataset or another list, `ConfigError` when its images are smaller than the config needs.
 */
export function openPackedSet(
  config: ImageSetConfig,
  root: string,
  size: InputSize,
  wantsVal: boolean,
): { train: Dataset; val: Dataset | undefined; test: Dataset; notes: string[] } {
  const open = (split: ImageSplit) => {
    const dataset = openPackedSplit(root, split, size);
    if (dataset.name === config.dataset) return dataset;
    throw new DataError(`The packed set is ${dataset.name}, the config wants ${config.dataset}.`, {
      where: root,
      next: 'Name the folder of the right set with --data, or use the config of this one.',
    });
  };
  // A config that names a validation list needs the split `val`; other configs use it where it was packed.
  const own = wantsVal && (config.val_list !== undefined || existsSync(headerPath(join(root, 'val'))));
  const opened = { train: open('train'), val: own ? open('val') : undefined, test: open('test') };
  const splits: ImageSplit[] = own ? ['train', 'test', 'val'] : ['train', 'test'];
  return {
    ...opened,
    notes: [
      `Packed images are read from ${root}.`,
      ...(sharesOf(config) ? ['The parts of data.split are those that were packed.'] : []),
      ...comparePackedLists(config, root, splits),
    ],
  };
}

/**
 * Opens a split of a packed set. Throws `DataError` for a missing split, a missing or cut-off shard and a damaged
 * index, `ConfigError` when its images are smaller than the config needs.
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
      next: 'Give the same `gala data pack` again: it makes only what is missing.',
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
    size === undefined ? 'A shard is missing.' : `The shard has ${size} bytes, but its index says ${bytes}.`,
    { where: path, next: 'Give the same `gala data pack` again: it makes only what is missing.' },
  );
}

/** Name of a list for `pack.json`: without its folder and without `.gz`. */
export function listName(path: string): string {
  return basename(path).replace(/\.gz$/, '');
}

/**
 * Compares each list of the config with `pack.json`: its name always, its content where the file is below `root` or the
 * working folder. Returns the remarks of packing and one for each list that could not be compared. Throws `DataError`
 * for another list and for splits with different classes.
 */
function comparePackedLists(config: ImageSetConfig, root: string, splits: readonly ImageSplit[]): string[] {
  const notes: string[] = [];
  let first: { readonly split: ImageSplit; readonly header: PackHeader } | undefined;
  for (const split of splits) {
    const path = headerPath(join(root, split));
    const header = readPackFile(path, packSchema);
    first ??= { split, header };
    if (header.class_names.join('\n') !== first.header.class_names.join('\n')) {
      throw new DataError(`The packed splits ${first.split} and ${split} do not have the same classes.`, {
        where: path,
        next: 'Pack all splits with the same config: `gala data pack` without --split, into another --output.',
      });
    }
    notes.push(...(header.notes ?? []));
    const note = compareList(config, split, root, header);
    if (note !== undefined) notes.push(note);
  }
  return [...new Set(notes)];
}

function compareList(config: ImageSetConfig, split: ImageSplit, root: string, header: PackHeader): string | undefined {
  const key = `${split}_list` as const;
  const given = config[key];
  const set = publishedSet(config.dataset);
  const published = set?.lists[split]?.file;
  const packed = header.list;
  if (given === undefined) {
    if (packed === undefined || published === undefined || packed === published) return undefined;
    return `${split} list: ${packed}, as it was packed, not the published ${published}.`;
  }
  const path = placesOfList(given, root).find(place => existsSync(place));
  const fingerprint = path === undefined ? undefined : readImageList(path, set?.classes).fingerprint;
  const keep =
    ownSet(config.dataset)?.imagesOf === 'lists' && split !== 'val'
      ? `name the list that was packed in data.${key}`
      : `leave data.${key} out`;
  const refuse = (message: string) =>
    new DataError(message, {
      where: headerPath(join(root, split)),
      next: `Give \`gala data pack\` again with another --output; or, to use what was packed, ${keep}.`,
    });
  if (packed === undefined) {
    if (fingerprint === header.source_fingerprint) return undefined;
    return (
      `Whether data.${key} (${given}) is what was packed is not known: an earlier gala packed it. The same ` +
      '`gala data pack` adds it.'
    );
  }
  if (packed !== listName(given))
    throw refuse(`The pack was made from the list ${packed}; data.${key} names ${given}.`);
  if (fingerprint !== undefined && fingerprint !== header.list_fingerprint) {
    throw refuse(`The list ${path} has changed since it was packed.`);
  }
  return undefined;
}
