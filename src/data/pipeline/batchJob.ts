/** One batch to prepare: the message that a pipeline sends to its workers. */
import type { Augmentation } from '../augment/names.js';
import type { ImageLocation } from '../files/location.js';
import type { ImageShape } from '../imageShape.js';

/** What a worker thread is started with; plain data and shared memory only. */
export interface BatchRecipe {
  readonly imageShape: ImageShape;
  readonly augment: readonly Augmentation[];
  readonly seed: number;
}

/** The images at `indices`, augmented for `epoch`, go to `images` one after the other. */
export interface BatchJob {
  readonly epoch: number;
  readonly indices: Int32Array;
  /** How often the epoch has used each of them before. */
  readonly draws: Int32Array;
  readonly images: Uint8Array;
  /** Where each image lies; only for a dataset of files. */
  readonly locations?: readonly ImageLocation[] | undefined;
}

/** Prepares batches from files that it may keep open. */
export interface BatchPreparer {
  prepare(job: BatchJob): Promise<void>;
  /** Closes its files. */
  close(): void;
}
