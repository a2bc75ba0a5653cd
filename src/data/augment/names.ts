/** Names of the augmentations, in the order in which they may be given. */
import { z } from 'zod';

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
