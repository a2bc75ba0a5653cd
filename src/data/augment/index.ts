/** Makes one function on images from the augmentations that `data.augment` names. */

import { ConfigError } from '../../errors.js';
import { type Random, randomFor } from '../../random.js';
import type { ImageShape } from '../dataset.js';
import type { Augmentation, Transform } from './augmentation.js';
import { autoaugmentCifar10 } from './autoaugmentCifar10.js';
import { colorJitter } from './colorOperations.js';
import { cutout, horizontalFlip, randomCrop } from './geometry.js';
import { randAugment } from './randAugment.js';

/**
 * Augments one HWC uint8 image in place. The same (seed, epoch, index, draw) always gives the same image. `draw` counts
 * the earlier uses of the image in the epoch, so that an image that a sampler repeats is augmented differently.
 */
export type Augmenter = (image: Uint8Array, seed: number, epoch: number, index: number, draw?: number) => void;

const transforms: Readonly<Record<Augmentation, (shape: ImageShape) => Transform>> = {
  random_crop: randomCrop,
  horizontal_flip: horizontalFlip,
  autoaugment_cifar10: autoaugmentCifar10,
  cutout,
  color_jitter: colorJitter,
  rand_augment: randAugment,
  random_resized_crop: () => onlyForFiles('random_resized_crop'),
  reflect_pad: () => onlyForFiles('reflect_pad'),
};

/** The functions of augmentations. Throws `ConfigError` where one does not work on images of this shape. */
export function transformsOf(names: readonly Augmentation[], shape: ImageShape): readonly Transform[] {
  return names.map(name => transforms[name](shape));
}

/** The random numbers for use `draw`, from 0, of an image in an epoch. */
export function randomOfImage(seed: number, epoch: number, index: number, draw: number): Random {
  return randomFor('augment', seed, epoch, index, ...(draw === 0 ? [] : [draw]));
}

/** Applies augmentations in order. Throws `ConfigError` where one does not work on images of this shape. */
export function augmenter(names: readonly Augmentation[], shape: ImageShape): Augmenter {
  const chain = transformsOf(names, shape);
  return (image, seed, epoch, index, draw = 0) => {
    if (chain.length === 0) return;
    const random = randomOfImage(seed, epoch, index, draw);
    for (const transform of chain) transform(image, random);
  };
}

/** The augmentations that images/fit.ts applies, because they make images of any size as large as the input. */
function onlyForFiles(name: Augmentation): never {
  throw new ConfigError(`${name} works on image files, but the images of this dataset all have the same size.`, {
    where: `data.augment: ${name}`,
    next: `Take ${name} out of data.augment; random_crop and horizontal_flip work on images of one size.`,
  });
}
