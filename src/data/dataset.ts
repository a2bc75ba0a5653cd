/** Where image bytes come from; nothing here knows about batches, augmentation or engines. */
import type { ImageLocation } from './files/location.js';
import type { ImageShape } from './imageShape.js';
import type { BatchPreparer, BatchRecipe } from './pipeline/batchJob.js';

/** A dataset held in shared memory, so that worker threads read it without a copy. */
export interface SharedImages {
  /** HWC bytes of all rows, over a SharedArrayBuffer. */
  readonly pixels: Uint8Array;
  /** Row of `pixels` that holds image `index`; a subset has fewer entries than `pixels` has rows. */
  readonly rows: Int32Array;
  /** Class of image `index`. */
  readonly labels: Int32Array;
}

/** Images that lie in files and are decoded when they are wanted. */
interface StoredImages {
  /** Where image `index` lies. */
  locate(index: number): ImageLocation;
  /** Length that the shorter side gets before the central crop of evaluation. */
  readonly shortSide: number;
  /** For run.json: `files`, or of what size the images of a packed set are. */
  readonly form: string;
  /** Prepares batches of these images in this thread. Throws `ConfigError` for augmentations that do not work. */
  preparerOf(recipe: BatchRecipe): BatchPreparer;
  /** The file of a worker that does the same, started with `{ recipe, shortSide }`. */
  readonly worker: URL;
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
  /**
   * Writes the HWC bytes of image `index` into `into` (length height·width·channels); of a stored image the central
   * crop.
   */
  image(index: number, into: Uint8Array): void | Promise<void>;
  /** sha256 (hex) that identifies the images and labels this dataset was read from. */
  readonly fingerprint: string;
  /** Present when the images lie in shared memory; the pipeline's workers need it. */
  readonly shared?: SharedImages;
  /** Reads the images at `indices`, in that order; present where the others need not be read for them. */
  readonly pick?: (indices: Int32Array) => SharedImages;
  /** Present when the bytes are float32 features of that length in the place of pixels (features.ts). */
  readonly featureSize?: number;
  /** Present when the images lie in files. */
  readonly stored?: StoredImages;
}

/** Images per class, in label order. */
export function classCounts(dataset: Pick<Dataset, 'length' | 'label' | 'classNames'>): Int32Array {
  const counts = new Int32Array(dataset.classNames.length);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]!++;
  return counts;
}
