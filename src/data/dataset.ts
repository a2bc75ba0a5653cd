/** Datasets: images and labels by index. They know nothing of batches, augmentation or engines. */
import { sha256 } from '../io/hash.js';
import type { ImageLocation } from './images/readImage.js';

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Bytes of one uint8 image. */
export function imageBytes({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}

/** Images in shared memory, which worker threads read without a copy. */
export interface SharedImages {
  /** HWC bytes of all rows, over a SharedArrayBuffer. */
  readonly pixels: Uint8Array;
  /** Row of `pixels` with image `index`. A subset has fewer images than `pixels` has rows. */
  readonly rows: Int32Array;
  /** Class of image `index`. */
  readonly labels: Int32Array;
}

/** Images in files, which are decoded when they are needed. */
interface StoredImages {
  /** Where image `index` is. */
  locate(index: number): ImageLocation;
  /** Length of the shorter side before the central crop of evaluation. */
  readonly shortSide: number;
  /** For run.json: `files`, or the size of the images of a packed set. */
  readonly form: string;
}

interface DatasetFacts {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Number of images. */
  readonly length: number;
  /** Shape of one image; bytes are HWC, uint8. */
  readonly imageShape: ImageShape;
  /** Class of image `index`, in [0, classNames.length). */
  label(index: number): number;
  /**
   * sha256 (hex) of the images and labels that the dataset was read from; of image files, of their names and labels: a
   * file with another content has the same.
   */
  readonly fingerprint: string;
}

export interface SharedDataset extends DatasetFacts {
  readonly shared: SharedImages;
  /** Reads only the images at `indices`, in this order. Present where `shared` reads the files of all images. */
  readonly pick?: (indices: Int32Array) => SharedImages;
  readonly stored?: undefined;
  /** Present when the bytes of an image are so many float32 features instead of pixels (features.ts). */
  readonly featureSize?: number;
}

export interface StoredDataset extends DatasetFacts {
  readonly shared?: undefined;
  readonly pick?: undefined;
  readonly stored: StoredImages;
  readonly featureSize?: undefined;
}

export type Dataset = SharedDataset | StoredDataset;

/** What draws of images need of a dataset. */
export type LabelledImages = Pick<Dataset, 'length' | 'label' | 'classNames'>;

/** Images per class, in label order. */
export function classCounts(dataset: LabelledImages): Int32Array {
  return countLabels(
    Int32Array.from({ length: dataset.length }, (_, i) => dataset.label(i)),
    dataset.classNames.length,
  );
}

/** How often each of `classes` labels occurs. */
export function countLabels(labels: Int32Array, classes: number): Int32Array {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** Zeroed bytes in shared memory. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Zeroed int32 numbers in shared memory. */
export function sharedInt32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** The values at `indices`, in shared memory. */
export function gathered(values: Int32Array, indices: Int32Array): Int32Array {
  const result = sharedInt32(indices.length);
  indices.forEach((index, i) => {
    result[i] = values[index]!;
  });
  return result;
}

/** `0, 1, … length − 1`: the rows of a dataset that has all its images in order. */
export function everyRow(length: number): Int32Array {
  const rows = sharedInt32(length);
  for (let i = 0; i < length; i++) rows[i] = i;
  return rows;
}

/** A dataset of images in shared memory; the number of images is `shared.rows.length`. */
export function sharedDataset(
  parts: Pick<SharedDataset, 'name' | 'classNames' | 'imageShape' | 'fingerprint' | 'shared'>,
): SharedDataset {
  const { rows, labels } = parts.shared;
  return { ...parts, length: rows.length, label: index => labels[index]! };
}

/**
 * A dataset that reads images from their files when a subset is taken, and all of them with the first access to
 * `shared`. `labels` has the class of each image.
 */
export function pickedDataset({
  labels,
  pick,
  ...parts
}: Omit<Parameters<typeof sharedDataset>[0], 'shared'> & {
  readonly labels: Uint8Array;
  readonly pick: (indices: Int32Array) => SharedImages;
}): SharedDataset {
  let all: SharedImages | undefined;
  return {
    ...parts,
    length: labels.length,
    label: index => labels[index]!,
    get shared() {
      all ??= pick(everyRow(labels.length));
      return all;
    },
    pick,
  };
}

/** The images of `dataset` at `indices`, in this order, without a copy of pixels. Throws `RangeError`. */
export function subset(dataset: Dataset, indices: Int32Array): Dataset {
  for (const index of indices) {
    if (index < 0 || index >= dataset.length) {
      throw new RangeError(`Index ${index} is outside of ${dataset.name}, which has ${dataset.length} images.`);
    }
  }
  const { name, classNames, imageShape, pick } = dataset;
  const parts = { name, classNames, imageShape, fingerprint: sha256(dataset.fingerprint, indexHash(indices)) };
  if (pick !== undefined) return sharedDataset({ ...parts, shared: pick(indices) });
  const { shared, stored } = dataset;
  if (shared === undefined) {
    return {
      ...parts,
      length: indices.length,
      label: index => dataset.label(indices[index]!),
      stored: { ...stored, locate: index => stored.locate(indices[index]!) },
    };
  }
  const { pixels, rows, labels } = shared;
  return sharedDataset({
    ...parts,
    shared: { pixels, rows: gathered(rows, indices), labels: gathered(labels, indices) },
  });
}

/** sha256 (hex) of the indices as little-endian int32. */
export function indexHash(indices: Int32Array): string {
  const bytes = new DataView(new ArrayBuffer(4 * indices.length));
  indices.forEach((index, i) => {
    bytes.setInt32(4 * i, index, true);
  });
  return sha256(new Uint8Array(bytes.buffer));
}
