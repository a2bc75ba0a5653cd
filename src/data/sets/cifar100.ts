import {
  type CifarArchives,
  cifarStatistics,
  type OpenedPixels,
  type PixelOptions,
  type PixelSet,
} from './definition.js';

const records = { recordsPerFile: { train: 50_000, test: 10_000 }, labels: [20, 100] };

const archives = {
  address: 'https://www.cs.toronto.edu/~kriz/',
  page: 'www.cs.toronto.edu/~kriz/cifar.html',
  binary: {
    ...records,
    form: 'binary',
    folder: 'cifar-100-binary',
    archive: { name: 'cifar-100-binary.tar.gz', md5: '03b5dce01913d631647c71ecec9e9cb8', bytes: 168_513_733 },
    train: ['train.bin'],
    test: ['test.bin'],
    classNames: 'fine_label_names.txt',
  },
  python: {
    ...records,
    form: 'python',
    folder: 'cifar-100-python',
    archive: { name: 'cifar-100-python.tar.gz', md5: 'eb9058c3a382ffc7106e4002c42a8d85', bytes: 169_001_437 },
    train: ['train'],
    test: ['test'],
    classNames: 'meta',
    md5: {
      train: '16019d7e3df5f24257cddd939b257f8d',
      test: 'f0ef6b0ae62326f3e7ffdfab6717acfc',
      meta: '7973b15100ade9c7d40fb424638fde48',
    },
  },
} as const satisfies CifarArchives;

/** CIFAR-100 (Krizhevsky 2009). */
export const cifar100 = {
  name: 'cifar100',
  form: 'pixels',
  classes: 100,
  imageShape: { height: 32, width: 32, channels: 3 },
  largestClass: 500,
  testImages: 10_000,
  statistics: cifarStatistics,
  archives,
  find: async (root: string): Promise<void> => {
    (await import('../cifar/layouts.js')).findCifar({ name: 'cifar100', archives }, root);
  },
  open: async (root: string, options?: PixelOptions): Promise<OpenedPixels> =>
    (await import('../cifar/cifar.js')).openCifar({ name: 'cifar100', archives }, root, options),
} as const satisfies PixelSet;
