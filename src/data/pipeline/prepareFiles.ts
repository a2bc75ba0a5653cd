/**
 * Reading, fitting and augmenting the images of one batch that lie in files or shards: the work of a pipeline's worker.
 */
import type { Random } from '../../random.js';
import { randomOfImage, transformsOf } from '../augment/index.js';
import type { ImageLocation } from '../files/location.js';
import { imageBytes } from '../imageShape.js';
import type { Placement } from '../images/fit.js';
import { fitOf } from '../images/fit.js';
import { makeImageReader } from '../images/readImage.js';
import type { RgbImage } from '../images/rgbImage.js';
import type { BatchPreparer, BatchRecipe } from './batchJob.js';

/** Images being read while one is fitted: sharp decodes on threads of its own. */
const readAhead = 2;

/**
 * Throws `ConfigError` for augmentations that do not work; preparing rejects with `DataError` or `StorageError` naming
 * the file.
 */
export function preparerOfFiles(recipe: BatchRecipe, shortSide: number): BatchPreparer {
  const { augment, imageShape, seed } = recipe;
  const size = imageBytes(imageShape);
  const { read, close } = makeImageReader();
  const { fit, rest } = fitOf({ augment, side: imageShape.height, shortSide });
  const chain = transformsOf(rest, imageShape);
  const start = (location: ImageLocation, index: number, epoch: number, draw: number): Reading => {
    const random = randomOfImage(seed, epoch, index, draw);
    let placement: Placement | undefined;
    const image = read(location, imageSize => {
      placement = fit.place(imageSize, random);
      return placement.part;
    });
    image.catch(() => undefined); // whoever takes it sees the error
    return { random, image, placement: () => placement! };
  };
  const prepare: BatchPreparer['prepare'] = async ({ epoch, indices, draws, images, locations }) => {
    const reading: Reading[] = [];
    for (let i = 0; i < indices.length; i++) {
      for (let next = i + reading.length; reading.length <= readAhead && next < indices.length; next++) {
        reading.push(start(locations![next]!, indices[next]!, epoch, draws[next]!));
      }
      const { random, image, placement } = reading.shift()!;
      const into = images.subarray(i * size, (i + 1) * size);
      fit.render(await image, placement(), into);
      for (const transform of chain) transform(into, random);
    }
  };
  return { prepare, close };
}

/** An image under way, with the random numbers that go on where its placement left off. */
interface Reading {
  readonly random: Random;
  readonly image: Promise<RgbImage>;
  /** Known once the image is there. */
  readonly placement: () => Placement;
}
