/** `data`: which images are trained on, and how they are drawn and augmented. */
import { z } from 'zod';
import { fraction, positiveInteger, wholeNumber } from '../ranges.js';
import { augmentation } from './augment/augmentation.js';
import { datasetNames } from './sets/index.js';

const listPath = z.string().min(1).optional();

const share = z.number().min(0).lt(1).default(0);

export const data = z
  .strictObject({
    dataset: z.enum(datasetNames).describe('Which dataset to read; see docs/datasets.md.'),
    root: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the dataset files, relative to the working folder; `--data` and the environment variable ' +
          'GALA_DATA override it. The bundled set needs none.',
      ),
    train_list: listPath.describe(
      '(image sets) List of the training images, `path label` a line; the published one when left out.',
    ),
    val_list: listPath.describe(
      '(image sets) List of the validation images, for select_on: val; without one a part of each class is held out.',
    ),
    test_list: listPath.describe('(image sets) List of the test images.'),
    split: z
      .strictObject({
        val: share.describe(
          '(image_folder, image_list) Share of each class kept as `val`, drawn by subset_seed; 0 = none.',
        ),
        test: share.describe(
          '(image_folder, image_list) Share of each class kept as `test`, for images without a test part of ' +
            'their own: a folder DIR/CLASS/…, or one list. At least one image of each class stays in training.',
        ),
      })
      .optional()
      .describe('Parts that are taken from the training images, class by class.'),
    image_size: positiveInteger
      .max(4096)
      .optional()
      .describe('(image sets) Height and width in pixels of the network’s input; 224 when left out.'),
    short_side: positiveInteger
      .max(4096)
      .optional()
      .describe(
        '(image sets) Shorter side in pixels before the central crop of evaluation; image_size · 256/224 when ' +
          'left out.',
      ),
    verify: z
      .enum(['deep', 'fast'])
      .optional()
      .describe(
        '(image sets) What is checked before the first step: deep (when left out) = every image decodes, ' +
          'remembered until it changes; fast = every file is there.',
      ),
    on_bad_image: z
      .enum(['fail', 'skip'])
      .optional()
      .describe(
        '(image sets) skip leaves training images out that do not decode, counts and names them; fail (when ' +
          'left out) stops. In evaluation it always stops.',
      ),
    imbalance_factor: z
      .number()
      .min(1)
      .default(1)
      .describe(
        'Largest over smallest class of the long-tailed training subset (exponential profile); 1 keeps every image.',
      ),
    subset_seed: wholeNumber
      .default(0)
      .describe(
        'Seed that draws the long-tailed subset, the held-out images and the parts of data.split; their ' +
          'hashes are recorded with the run.',
      ),
    normalisation: z
      .strictObject({
        mean: z
          .array(fraction)
          .min(1)
          .max(3)
          .optional()
          .describe('Mean of each channel, of pixels from 0 to 1; that of the dataset when left out.'),
        std: z
          .array(z.number().gt(0).max(1))
          .min(1)
          .max(3)
          .optional()
          .describe('Standard deviation of each channel, of pixels from 0 to 1; that of the dataset when left out.'),
      })
      .optional()
      .describe('What pixels are normalised by; see docs/datasets.md.'),
    augment: z.array(augmentation).default([]).describe('Training augmentations on uint8 images, in this order.'),
    sampler: z
      .enum(['shuffled', 'class_aware', 'class_balanced'])
      .default('shuffled')
      .describe(
        'Which images an epoch visits, always as many as the set has: shuffled = each once; class_aware = ' +
          'shuffled rounds over the classes, 4 images of each; class_balanced = a random image of a random ' +
          'class.',
      ),
    workers: z
      .union([z.literal('auto'), wholeNumber.max(64)])
      .default('auto')
      .describe(
        'Worker threads that prepare batches; the numbers do not depend on it. auto = 1 on a CPU, on a GPU ' +
          'one for each core but one, at most 16; 0 = in the main thread.',
      ),
  })
  .describe('Which images are trained on.');

/** The section `data` of a config with every default filled in. */
export type DataConfig = z.output<typeof data>;

const defaultSide = 224;
const defaultShortSide = 256;

/** How images of any size become the network's input in evaluation: Resize(shortSide), CenterCrop(side); pixels. */
export interface InputSize {
  readonly side: number;
  readonly shortSide: number;
}

/** The input size of a config: by default 224 of 256, or another side in this ratio. */
export function inputSizeOf({
  image_size = defaultSide,
  short_side,
}: Partial<Pick<DataConfig, 'image_size' | 'short_side'>>): InputSize {
  return { side: image_size, shortSide: short_side ?? Math.round((image_size * defaultShortSide) / defaultSide) };
}
