/** The section `data` of a config: the training images, and how they are drawn and augmented. */
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
          'GALA_DATA override it. The bundled dataset needs none.',
      ),
    train_list: listPath.describe(
      '(image files) List of the training images, one line `path label` per image; by default the published list.',
    ),
    val_list: listPath.describe(
      '(image files) List of the validation images for select_on: val; without it a part of each class is held out.',
    ),
    test_list: listPath.describe('(image files) List of the test images.'),
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
      .describe('(image files) Height and width in pixels of the network’s input; default 224.'),
    short_side: positiveInteger
      .max(4096)
      .optional()
      .describe(
        '(image files) Shorter side in pixels before the central crop of evaluation; default image_size · 256/224.',
      ),
    verify: z
      .enum(['deep', 'fast'])
      .optional()
      .describe(
        '(image files) What is checked before the first step: deep (default) = every image decodes, which is ' +
          'remembered until its file changes; fast = every file exists.',
      ),
    on_bad_image: z
      .enum(['fail', 'skip'])
      .optional()
      .describe(
        '(image files) What happens if a training image does not decode: fail (default) = gala stops; skip = ' +
          'gala leaves the image out, and counts and names all such images. Evaluation always stops.',
      ),
    imbalance_factor: z
      .number()
      .min(1)
      .default(1)
      .describe(
        'Images of the largest class over those of the smallest in the long-tailed training subset (exponential ' +
          'profile); 1 keeps every image.',
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
          .describe('Mean of each channel, for pixels from 0 to 1; by default of the dataset.'),
        std: z
          .array(z.number().gt(0).max(1))
          .min(1)
          .max(3)
          .optional()
          .describe('Standard deviation of each channel, for pixels from 0 to 1; by default of the dataset.'),
      })
      .optional()
      .describe('Statistics that normalise pixels; see docs/datasets.md.'),
    augment: z.array(augmentation).default([]).describe('Training augmentations on uint8 images, in this order.'),
    sampler: z
      .enum(['shuffled', 'class_aware', 'class_balanced'])
      .default('shuffled')
      .describe(
        'Which images an epoch visits, always as many as the training set has: shuffled = each image once; ' +
          'class_aware = shuffled rounds over the classes, 4 images of each; class_balanced = random images of ' +
          'random classes.',
      ),
    workers: z
      .union([z.literal('auto'), wholeNumber.max(64)])
      .default('auto')
      .describe(
        'Worker threads that prepare batches; they do not change the results. auto = 1 on a CPU; on a GPU one ' +
          'less than the number of cores, at most 16. 0 = batches are prepared in the main thread.',
      ),
  })
  .describe('The training images.');

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
