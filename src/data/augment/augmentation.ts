/** The augmentations that `data.augment` can name, and the functions that they are. */
import { z } from 'zod';
import type { Random } from '../../random.js';

/** In the order in which a config may list them. */
export const augmentation = z.enum([
  'random_crop',
  'horizontal_flip',
  'autoaugment_cifar10',
  'cutout',
  'reflect_pad',
  'random_resized_crop',
  'color_jitter',
  'rand_augment',
]);

export type Augmentation = z.output<typeof augmentation>;

/** Changes one HWC uint8 image in place; all random numbers come from `random`. */
export type Transform = (image: Uint8Array, random: Random) => void;
