/** From the names in `data.augment` to one function on images. */

import { ConfigError } from '../../errors.js';
import { type Random, randomFor } from '../../random.js';
import type { ImageShape } from '../imageShape.js';
import { autoaugmentCifar10 } from './autoaugmentCifar10.js';
import { colorJitter } from './colorJitter.js';
import { cutout } from './cutout.js';
import { horizontalFlip } from './horizontalFlip.js';
import type { Augmentation } from './names.js';
import { randAugment } from './randAugment.js';
import { randomCrop } from './randomCrop.js';
import type { Transform } from './transform.js';

/**
 * Augments one HWC uint8 image in place; the same (seed, epoch, index, draw) always gives the same image. `draw` counts
 * the earlier uses of the image in that epoch: a sampler that repeats images does not repeat their augmentations.
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

/** The named augmentations in order. Throws `ConfigError` where one does not work on images of this shape. */
export function transformsOf(names: readonly Augmentation[], shape: ImageShape): readonly Transform[] {
  return names.map(name => transforms[name](shape));
}

/** The random numbers of one use of an image: the `draw`-th in its epoch, from 0. */
export function randomOfImage(seed: number, epoch: number, index: number, draw: number): Random {
  return randomFor('augment', seed, epoch, index, ...(draw === 0 ? [] : [draw]));
}

/** Chains the named augmentations in order. Throws `ConfigError` where one does not work on images of this shape. */
export function augmenter(names: readonly Augmentation[], shape: ImageShape): Augmenter {
  const chain = transformsOf(names, shape);
  return (image, seed, epoch, index, draw = 0) => {
    if (chain.length === 0) return;
    const random = randomOfImage(seed, epoch, index, draw);
    for (const transform of chain) transform(image, random);
  };
}

/** These cut images of any size to the network's size (images/fit.ts). */
function onlyForFiles(name: Augmentation): never {
  throw new ConfigError(`${name} works on image files; the images of this dataset have one size already.`, {
    where: `data.augment: ${name}`,
    next: `Take ${name} out of data.augment; random_crop and horizontal_flip work on images of one size.`,
  });
}
