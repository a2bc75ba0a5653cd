/** Copying and augmenting the images of one batch: the work of a pipeline's worker, also done in the main thread. */
import { augmenter } from '../augment/index.js';
import type { Dataset, SharedImages } from '../dataset.js';
import { imageBytes } from '../imageShape.js';
import type { BatchJob, BatchRecipe } from './batchJob.js';

/** Prepares batches from shared memory. Throws `RangeError` where an index has no pixels. */
export function preparerOf(shared: SharedImages, recipe: BatchRecipe): (job: BatchJob) => void {
  const { imageShape, seed } = recipe;
  const size = imageBytes(imageShape);
  const augment = augmenter(recipe.augment, imageShape);
  return ({ epoch, indices, draws, images }) => {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      const start = shared.rows[index]! * size;
      if (!(start >= 0 && start + size <= shared.pixels.length)) throw new RangeError(`Image ${index} has no pixels.`);
      const image = images.subarray(i * size, (i + 1) * size);
      image.set(shared.pixels.subarray(start, start + size));
      augment(image, seed, epoch, index, draws[i]);
    }
  };
}

/** The same for any dataset, reading through its `image` method. */
export function preparerOfAny(dataset: Dataset, recipe: BatchRecipe): (job: BatchJob) => Promise<void> {
  const size = imageBytes(recipe.imageShape);
  const augment = augmenter(recipe.augment, recipe.imageShape);
  return async ({ epoch, indices, draws, images }) => {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      const image = images.subarray(i * size, (i + 1) * size);
      await dataset.image(index, image);
      augment(image, recipe.seed, epoch, index, draws[i]);
    }
  };
}
