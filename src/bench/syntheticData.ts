/** Random images in the shape and long tail of a config's dataset, so that a benchmark needs no data. */
import type { Config } from '../config/schema.js';
import { classCounts } from '../data/dataset.js';
import type { OpenedDatasets } from '../data/index.js';
import { longTailedCounts } from '../data/longTail.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from '../data/sharedDataset.js';
import { randomFor } from '../random.js';

const shapes = {
  cifar100: { classes: 100, largest: 500, test: 10_000, imageShape: { height: 32, width: 32, channels: 3 } },
  cifar10: { classes: 10, largest: 5000, test: 10_000, imageShape: { height: 32, width: 32, channels: 3 } },
  fashion_mnist_lt: { classes: 10, largest: 500, test: 2000, imageShape: { height: 28, width: 28, channels: 1 } },
} as const;

const fashionMnistImbalance = 100;

/** Training and test images of uniform noise with the class counts the config would give. */
export function syntheticDatasets({ dataset, imbalance_factor }: Config['data']): OpenedDatasets {
  const { classes, imageShape } = shapes[dataset];
  const perClass = trainingCounts({ dataset, imbalance_factor });
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

/** Training images that the config leaves (before any are held out), and test images, of the real set. */
export function datasetSizes(data: Pick<Config['data'], 'dataset' | 'imbalance_factor'>): {
  train: number;
  test: number;
} {
  return { train: trainingCounts(data).reduce((sum, count) => sum + count, 0), test: shapes[data.dataset].test };
}

function trainingCounts({
  dataset,
  imbalance_factor,
}: Pick<Config['data'], 'dataset' | 'imbalance_factor'>): Int32Array {
  const { classes, largest } = shapes[dataset];
  return longTailedCounts(classes, largest, dataset === 'fashion_mnist_lt' ? fashionMnistImbalance : imbalance_factor);
}

function noise(
  classOfImage: readonly number[],
  classes: number,
  imageShape: (typeof shapes)['cifar100' | 'fashion_mnist_lt']['imageShape'],
) {
  const labels = sharedInt32(classOfImage.length);
  labels.set(classOfImage);
  const pixels = sharedBytes(classOfImage.length * imageShape.height * imageShape.width * imageShape.channels);
  const random = randomFor('synthetic');
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.uint32();
  return sharedDataset({
    name: 'synthetic',
    classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
    imageShape,
    shared: { pixels, labels, rows: everyRow(classOfImage.length) },
    fingerprint: 'synthetic',
  });
}
