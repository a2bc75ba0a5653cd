/** Where image bytes come from; nothing here knows about batches, augmentation or engines. */

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A dataset held in shared memory, so that worker threads read it without a copy. */
export interface SharedImages {
  /** HWC bytes of all rows, over a SharedArrayBuffer. */
  readonly pixels: Uint8Array;
  /** Row of `pixels` that holds image `index`; a subset has fewer entries than `pixels` has rows. */
  readonly rows: Int32Array;
  /** Class of image `index`. */
  readonly labels: Int32Array;
}

export interface Dataset {
  readonly name: string;
  readonly classNames: readonly string[];
  /** Number of images. */
  readonly length: number;
  /** Shape of one image; bytes are HWC, uint8. */
  readonly imageShape: ImageShape;
  /** Class of image `index`, in [0, classNames.length). */
  label(index: number): number;
  /** Writes the HWC bytes of image `index` into `into` (length height·width·channels). */
  image(index: number, into: Uint8Array): void | Promise<void>;
  /** sha256 (hex) that identifies the images and labels this dataset was read from. */
  readonly fingerprint: string;
  /** Present when the images lie in shared memory; the pipeline's workers need it. */
  readonly shared?: SharedImages;
}

/** Bytes of one image. */
export function imageBytes(shape: ImageShape): number {
  return shape.height * shape.width * shape.channels;
}

/** Images per class, in label order, as `long-tailed` papers call the prior. */
export function classCounts(dataset: Pick<Dataset, 'length' | 'label' | 'classNames'>): Int32Array {
  const counts = new Int32Array(dataset.classNames.length);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]!++;
  return counts;
}
