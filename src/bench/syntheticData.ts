/** Random images with the shape and the class counts of a config's dataset, for benchmarks without data. */
import type { Config } from '../config/schema.js';
import type { Augmentation } from '../data/augment/augmentation.js';
import {
  classCounts,
  everyRow,
  type ImageShape,
  imageBytes,
  sharedBytes,
  sharedDataset,
  sharedInt32,
} from '../data/dataset.js';
import type { OpenedDatasets } from '../data/index.js';
import { publishedClassCounts } from '../data/lists/officialLists.js';
import { longTailedCounts } from '../data/longTail.js';
import { inputSizeOf } from '../data/schema.js';
import { datasets } from '../data/sets/index.js';
import { randomFor } from '../random.js';

/** The assumed size of a user's own dataset, whose real size is known only when its files are read. */
const assumedOwnSet = { classes: 100, largestClass: 500, testImages: 10_000 };
/** Number of distinct large images, to use less memory than the real dataset. */
const mostLargeImages = 256;

type DataConfig = Pick<Config['data'], 'dataset' | 'imbalance_factor' | 'image_size' | 'short_side'>;

/** Training and test images of uniform noise, with the class counts of the config. */
export function syntheticDatasets(data: DataConfig): OpenedDatasets {
  const { imageShape, counts: perClass } = setShape(data);
  const classes = perClass.length;
  const train = noise(
    [...perClass].flatMap((count, label) => Array<number>(count).fill(label)),
    classes,
    imageShape,
  );
  return {
    train,
    val: undefined,
    test: noise([...perClass.keys()], classes, imageShape),
    counts: classCounts(train),
    trainFull: { length: train.length, counts: perClass, fingerprint: 'synthetic' },
    subsetHash: 'synthetic',
    heldOutHash: undefined,
    root: 'synthetic',
    notes: [],
    mean: Array(imageShape.channels).fill(0.5),
    std: Array(imageShape.channels).fill(0.25),
  };
}

/**
 * The augmentations that random images can have. They have the size of the network's input already, so those that cut
 * image files are left out.
 */
export function syntheticAugment(augment: readonly Augmentation[]): Augmentation[] {
  return augment.filter(name => name !== 'reflect_pad' && name !== 'random_resized_crop');
}

export interface SetShape {
  readonly imageShape: ImageShape;
  /** Training images per class, before images are held out. */
  readonly counts: Int32Array;
  readonly testImages: number;
}

/** Shape and size of a config's dataset, as far as they are known without its files. */
export function setShape(data: DataConfig): SetShape {
  const set = datasets[data.dataset];
  const counts = trainingCounts(data);
  if (set.form === 'pixels') return { imageShape: set.imageShape, counts, testImages: set.testImages };
  const { side } = inputSizeOf(data);
  const testImages = set.form === 'published' ? set.lists.test.images : assumedOwnSet.testImages;
  return { imageShape: { height: side, width: side, channels: 3 }, counts, testImages };
}

function trainingCounts({ dataset, imbalance_factor }: DataConfig): Int32Array {
  const set = datasets[dataset];
  if (set.form === 'published') return publishedClassCounts(set);
  const { classes, largestClass } = set.form === 'own' ? assumedOwnSet : set;
  const longTailed = set.form === 'pixels' ? set.longTailed : undefined;
  return longTailedCounts(classes, largestClass, longTailed ?? imbalance_factor);
}

function noise(classOfImage: readonly number[], classes: number, imageShape: ImageShape) {
  const images = classOfImage.length;
  const labels = sharedInt32(images);
  labels.set(classOfImage);
  const distinct = imageShape.height > 32 ? Math.min(images, mostLargeImages) : images;
  const pixels = sharedBytes(distinct * imageBytes(imageShape));
  const random = randomFor('synthetic');
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.uint32();
  const rows = everyRow(images);
  for (let i = 0; i < images; i++) rows[i] = i % distinct;
  return sharedDataset({
    name: 'synthetic',
    classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
    imageShape,
    shared: { pixels, labels, rows },
    fingerprint: 'synthetic',
  });
}
