import {
  type CifarArchives,
  cifarStatistics,
  type OpenedPixels,
  type PixelOptions,
  type PixelSet,
} from './definition.js';

const records = { recordsPerFile: { train: 10_000, test: 10_000 }, labels: [10] };
const batches = [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}`);

const archives = {
  address: 'https://www.cs.toronto.edu/~kriz/',
  page: 'www.cs.toronto.edu/~kriz/cifar.html',
  binary: {
    ...records,
    form: 'binary',
    folder: 'cifar-10-batches-bin',
    archive: { name: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530', bytes: 170_052_171 },
    train: batches.map(batch => `${batch}.bin`),
    test: ['test_batch.bin'],
    classNames: 'batches.meta.txt',
  },
  python: {
    ...records,
    form: 'python',
    folder: 'cifar-10-batches-py',
    archive: { name: 'cifar-10-python.tar.gz', md5: 'c58f30108f718f92721af3b95e74349a', bytes: 170_498_071 },
    train: batches,
    test: ['test_batch'],
    classNames: 'batches.meta',
    md5: {
      data_batch_1: 'c99cafc152244af753f735de768cd75f',
      data_batch_2: 'd4bba439e000b95fd0a9bffe97cbabec',
      data_batch_3: '54ebc095f3ab1f0389bbae665268c751',
      data_batch_4: '634d18415352ddfa80567beed471001a',
      data_batch_5: '482c414d41f54cd18b22e5b47cb7c3cb',
      test_batch: '40351d587109b95175f43aff81a1287e',
      'batches.meta': '5ff9c542aee3614f3951f8cda6e48888',
    },
  },
} as const satisfies CifarArchives;

/** CIFAR-10 (Krizhevsky 2009). */
export const cifar10 = {
  name: 'cifar10',
  form: 'pixels',
  classes: 10,
  imageShape: { height: 32, width: 32, channels: 3 },
  largestClass: 5000,
  testImages: 10_000,
  statistics: cifarStatistics,
  archives,
  find: async (root: string): Promise<void> => {
    (await import('../cifar/layouts.js')).findCifar({ name: 'cifar10', archives }, root);
  },
  open: async (root: string, options?: PixelOptions): Promise<OpenedPixels> =>
    (await import('../cifar/cifar.js')).openCifar({ name: 'cifar10', archives }, root, options),
} as const satisfies PixelSet;
