/** Datasets and batches: missing, damaged or unfit files, subsets that cannot be drawn, workers that fail. */
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Config } from '../../src/config/schema.js';
import { openCifar } from '../../src/data/cifar/cifar.js';
import { imageBytes } from '../../src/data/dataset.js';
import { openIdxSet } from '../../src/data/fashionMnist.js';
import { openDatasets } from '../../src/data/index.js';
import { holdOut, longTailedIndices } from '../../src/data/longTail.js';
import { planBlocks } from '../../src/data/pipeline/blockPlan.js';
import { BlockSequence } from '../../src/data/pipeline/blockSequence.js';
import { openPipeline } from '../../src/data/pipeline/pipeline.js';
import { Slots } from '../../src/data/pipeline/slots.js';
import { cifar10 } from '../../src/data/sets/cifar10.js';
import { openWorkerPool } from '../../src/data/workerPool.js';
import { idxFile } from '../data/idxFile.js';
import type { Cases, Place } from './catalogue.js';

const config = (dataset: Config['data']['dataset']): Omit<Config['data'], 'sampler'> => ({
  dataset,
  imbalance_factor: 1,
  subset_seed: 0,
  augment: [],
  workers: 0,
});

const every = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const imagesOf = (labels: readonly number[], side = 4) =>
  idxFile([labels.length, side, side], new Uint8Array(labels.length * side * side));
const labelsOf = (labels: readonly number[]) => idxFile([labels.length], Uint8Array.from(labels));

/** Writes an idx set, replaces some of its files, and opens it. */
function idxSet(
  { file, folder }: Place,
  changes: Readonly<Record<string, Uint8Array>> = {},
  train = every,
  test = every,
  fraction?: number,
) {
  const files = {
    'train-images-idx3-ubyte': imagesOf(train),
    'train-labels-idx1-ubyte': labelsOf(train),
    't10k-images-idx3-ubyte': imagesOf(test),
    't10k-labels-idx1-ubyte': labelsOf(test),
    ...changes,
  };
  for (const [name, content] of Object.entries(files)) file(name, content);
  return openDatasets(config('fashion_mnist_lt'), {
    dataRoot: folder,
    environment: {},
    ...(fraction && { heldOutFraction: fraction }),
  });
}

const batches = [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`).concat('test_batch.bin');

/** CIFAR-10 as sparse files of the official size, with a byte somewhere in the first. */
function cifar({ at, file, folder }: Place, change: (place: { at: Place['at']; file: Place['file'] }) => void): void {
  for (const name of batches) {
    const handle = openSync(at(name), 'w');
    ftruncateSync(handle, 10_000 * 3073);
    closeSync(handle);
  }
  file('batches.meta.txt', every.map(c => `name ${c}\n`).join(''));
  change({ at, file });
  openCifar(cifar10, folder, { environment: { GALA_CACHE: at('cache') } });
}

const order = () => Int32Array.from(every);
const set = { length: 12, label: (i: number) => i % 4, classNames: ['a', 'b', 'c', 'd'] };
const pool = async (job: string, limits = {}) => {
  const runner = openWorkerPool<string>(new URL('../data/failingWorker.js', import.meta.url), 1, undefined, {
    resourceLimits: limits,
  });
  try {
    await runner.run(job);
  } finally {
    await runner.close();
  }
};

export const dataCases: Cases = {
  'class folders one too deep': ({ file, folder }) => {
    for (const path of ['train/animals/cat/1.png', 'train/animals/dog/1.png', 'test/animals/cat/2.png']) file(path, '');
    return openDatasets(config('image_folder'), { dataRoot: folder, environment: {}, check: ['train'] });
  },
  'image folders that lie packed': ({ file, folder }) => {
    file('images.tar.gz', '');
    return openDatasets(config('image_folder'), { dataRoot: folder, environment: {} });
  },
  'class folders without an image': ({ file, folder }) => {
    for (const path of ['train/cat/1.heic', 'train/cat/.DS_Store', 'test/cat/1.png']) file(path, '');
    return openDatasets(config('image_folder'), { dataRoot: folder, environment: {} });
  },
  'CIFAR without a folder': () => openDatasets(config('cifar100'), { environment: {} }),
  'CIFAR in an empty folder': ({ folder }) => openDatasets(config('cifar100'), { dataRoot: folder, environment: {} }),
  'CIFAR with one file missing': place => cifar(place, ({ at }) => rmSync(at('data_batch_3.bin'))),
  'CIFAR with a file cut off': place => cifar(place, ({ file }) => file('data_batch_2.bin', 'short')),
  'CIFAR with a file of fewer images': place =>
    cifar(place, ({ file }) => file('test_batch.bin', new Uint8Array(3073 * 7))),
  'CIFAR with a label out of range': place =>
    cifar(place, ({ at }) => {
      const handle = openSync(at('data_batch_1.bin'), 'r+');
      writeSync(handle, Uint8Array.of(77), 0, 1, 42 * 3073);
      closeSync(handle);
    }),
  'CIFAR with too few class names': place => cifar(place, ({ file }) => file('batches.meta.txt', 'cat\ndog\n')),
  'CIFAR with a folder in place of the class names': place =>
    cifar(place, ({ at }) => {
      rmSync(at('batches.meta.txt'));
      mkdirSync(at('batches.meta.txt'));
    }),
  'an idx set in an empty folder': ({ folder }) => openIdxSet(folder),
  'an idx file of another kind': place => idxSet(place, { 'train-images-idx3-ubyte': labelsOf(every) }),
  'an idx file cut off in its header': place => idxSet(place, { 'train-labels-idx1-ubyte': Uint8Array.of(0, 0, 8) }),
  'an idx file cut off': place => idxSet(place, { 't10k-images-idx3-ubyte': imagesOf(every).subarray(0, 100) }),
  'an idx file that is no gzip file': place =>
    idxSet(place, { 'train-images-idx3-ubyte.gz': Buffer.from('no gzip file') }),
  'an idx file that unpacks to more than it says': place =>
    idxSet(place, { 'train-labels-idx1-ubyte.gz': gzipSync(Buffer.concat([labelsOf(every), Buffer.alloc(99)])) }),
  'an idx file that says it is larger than it can be': place =>
    idxSet(place, { 'train-labels-idx1-ubyte.gz': gzipSync(idxFile([2 ** 31], Buffer.alloc(9))) }),
  'images without pixels': place => idxSet(place, { 'train-images-idx3-ubyte': idxFile([10, 0, 4], new Uint8Array()) }),
  'more images than labels': place => idxSet(place, { 'train-labels-idx1-ubyte': labelsOf([1, 2]) }),
  'a label out of range': place =>
    idxSet(place, { 'train-labels-idx1-ubyte': labelsOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 10]) }),
  'a class without images': place => idxSet(place, {}, [0, 1, 2, 4, 5, 6, 7, 8, 9]),
  'a training split without images': place => idxSet(place, {}, []),
  'a test split without images': place => idxSet(place, {}, every, []),
  'nothing that could be held out as val': place => idxSet(place, {}, every, every, 0.1),
  'an imbalance factor that leaves a class empty': () => longTailedIndices(set, 4, 0),
  'an imbalance factor over a set that is long-tailed already': () =>
    longTailedIndices({ ...set, length: 7, label: i => Math.max(0, i - 3) }, 2, 0),
  'a held-out part that is no fraction': () => holdOut(set, 1, 0),
  'a batch larger than the training set': async place => {
    const { train } = await idxSet(place);
    const pipeline = openPipeline({ dataset: train, augment: [], seed: 0, batchSize: 64, workers: 0, order });
    await pipeline.blocks({ epoch: 1, step: 0 }, 1).next();
  },
  'a colour augmentation of gray images': async place => {
    const { train } = await idxSet(place);
    openPipeline({ dataset: train, augment: ['autoaugment_cifar10'], seed: 0, batchSize: 2, workers: 0, order });
  },
  'a dataset that does not answer': async place => {
    const { train: dataset } = await idxSet(place);
    const from = { epoch: 1, step: 0 };
    const plans = planBlocks({ dataset, order, batchSize: 2, stepsPerBlock: 1, keepPartial: false }, from, 1);
    const slots = new Slots(1, 2, 2 * imageBytes(dataset.imageShape));
    const prepare = () => new Promise<void>(() => undefined);
    await new BlockSequence({ dataset, from, plans, slots, prepare, patience: 0.1 }).read().next();
  },
  'a worker that refuses a batch': () => pool('refuse'),
  'a worker that throws': () => pool('throw'),
  'a worker that exits': () => pool('exit'),
  'a worker that runs out of memory': () =>
    pool('exhaust', { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 }),
};
