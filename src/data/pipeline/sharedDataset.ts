/** A dataset whose images lie in one SharedArrayBuffer. */
import type { Dataset, SharedImages } from '../dataset.js';
import type { ImageShape } from '../imageShape.js';
import { imageBytes } from '../imageShape.js';

export interface SharedDatasetParts {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly imageShape: ImageShape;
  readonly shared: SharedImages;
  readonly fingerprint: string;
}

/** Zeroed bytes that worker threads can see without a copy. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Zeroed int32 numbers that worker threads can see without a copy. */
export function sharedInt32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** `0, 1, … length − 1`: the rows of a dataset that uses all its pixels in order. */
export function everyRow(length: number): Int32Array {
  const rows = sharedInt32(length);
  for (let i = 0; i < length; i++) rows[i] = i;
  return rows;
}

/** Wraps pixels and labels in shared memory as a Dataset; the number of images is `shared.rows.length`. */
export function sharedDataset({ name, classNames, imageShape, shared, fingerprint }: SharedDatasetParts): Dataset {
  const size = imageBytes(imageShape);
  return {
    name,
    classNames,
    imageShape,
    fingerprint,
    shared,
    length: shared.rows.length,
    label: index => shared.labels[index]!,
    image: (index, into) => {
      const start = shared.rows[index]! * size;
      into.set(shared.pixels.subarray(start, start + size));
    },
  };
}

export interface PickedDatasetParts extends Omit<SharedDatasetParts, 'shared'> {
  /** Class of image `index`. */
  readonly labels: Uint8Array;
  readonly pick: NonNullable<Dataset['pick']>;
}

/** A dataset whose images are read with a subset of it, or all at the first look at one. */
export function pickedDataset({ labels, pick, ...parts }: PickedDatasetParts): Dataset {
  let whole: Dataset | undefined;
  const read = () => {
    whole ??= sharedDataset({ ...parts, shared: pick(everyRow(labels.length)) });
    return whole;
  };
  return {
    ...parts,
    length: labels.length,
    label: index => labels[index]!,
    image: (index, into) => read().image(index, into),
    get shared() {
      return read().shared!;
    },
    pick,
  };
}
