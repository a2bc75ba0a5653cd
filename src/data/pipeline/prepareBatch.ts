/** Prepares one batch: reads and augments its images. Worker threads do this, or the main thread. */

import type { Random } from '../../random.js';
import type { Augmentation } from '../augment/augmentation.js';
import { augmenter, randomOfImage, transformsOf } from '../augment/index.js';
import { type ImageShape, imageBytes, type SharedImages } from '../dataset.js';
import { fitOf, type PlacedImage, readPlaced } from '../images/fit.js';
import { type ImageLocation, makeImageReader } from '../images/readImage.js';

/** What all batches of a pipeline share: plain data, with which a worker thread starts. */
export interface BatchRecipe {
  readonly imageShape: ImageShape;
  readonly augment: readonly Augmentation[];
  readonly seed: number;
}

/**
 * One batch, as the message to a worker: write the images at `indices`, augmented for `epoch`, to `images` in order.
 */
export interface BatchJob {
  readonly epoch: number;
  readonly indices: Int32Array;
  /** How often the epoch used each image before. */
  readonly draws: Int32Array;
  readonly images: Uint8Array;
  /** Where each image is; only for a dataset of files. */
  readonly locations?: readonly ImageLocation[] | undefined;
}

/** Where images are: in shared memory, or in the files that each job names. Plain data, as the recipe. */
export type BatchSource = { readonly shared: SharedImages } | { readonly shortSide: number };

export interface BatchPreparer {
  /**
   * Rejects with `DataError` or `StorageError` naming a file; throws `RangeError` where an index has no image in shared
   * memory.
   */
  prepare(job: BatchJob): void | Promise<void>;
  /** Closes open files. */
  close(): void;
}

/** Throws `ConfigError` for augmentations that do not work on the images. */
export function preparerOf(source: BatchSource, recipe: BatchRecipe): BatchPreparer {
  return 'shared' in source ? preparerOfShared(source.shared, recipe) : preparerOfFiles(source.shortSide, recipe);
}

function preparerOfShared(shared: SharedImages, recipe: BatchRecipe): BatchPreparer {
  const { imageShape, seed } = recipe;
  const size = imageBytes(imageShape);
  const augment = augmenter(recipe.augment, imageShape);
  return {
    prepare: ({ epoch, indices, draws, images }) => {
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!;
        const start = shared.rows[index]! * size;
        if (!(start >= 0 && start + size <= shared.pixels.length))
          throw new RangeError(`Image ${index} has no pixels.`);
        const image = images.subarray(i * size, (i + 1) * size);
        image.set(shared.pixels.subarray(start, start + size));
        augment(image, seed, epoch, index, draws[i]);
      }
    },
    close: () => {},
  };
}

/** Images that are read while one is fitted: sharp decodes on its own threads. */
const readAhead = 2;

/** An image that is being read, and its random numbers, of which the fit has used some. */
interface Reading {
  readonly random: Random;
  readonly placed: Promise<PlacedImage>;
}

function preparerOfFiles(shortSide: number, { augment, imageShape, seed }: BatchRecipe): BatchPreparer {
  const size = imageBytes(imageShape);
  const reader = makeImageReader();
  const { fit, rest } = fitOf({ augment, side: imageShape.height, shortSide });
  const transforms = transformsOf(rest, imageShape);
  const start = (location: ImageLocation, index: number, epoch: number, draw: number): Reading => {
    const random = randomOfImage(seed, epoch, index, draw);
    const placed = readPlaced(reader, location, fit, random);
    placed.catch(() => undefined); // `prepare` throws the error when it comes to this image
    return { random, placed };
  };
  return {
    prepare: async ({ epoch, indices, draws, images, locations }) => {
      const reading: Reading[] = [];
      for (let i = 0; i < indices.length; i++) {
        for (let next = i + reading.length; reading.length <= readAhead && next < indices.length; next++) {
          reading.push(start(locations![next]!, indices[next]!, epoch, draws[next]!));
        }
        const { random, placed } = reading.shift()!;
        const into = images.subarray(i * size, (i + 1) * size);
        fit.render(await placed, into);
        for (const transform of transforms) transform(into, random);
      }
    },
    close: reader.close,
  };
}
