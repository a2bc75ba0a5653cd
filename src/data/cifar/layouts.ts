/** The official archives of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), as facts: files, sizes, checksums. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../../errors.js';
import { packedArchiveAdvice } from '../files/packedArchives.js';

export type CifarName = 'cifar10' | 'cifar100';
export type CifarForm = 'binary' | 'python';

export interface CifarLayout {
  readonly form: CifarForm;
  readonly folder: string;
  readonly archive: { readonly name: string; readonly md5: string; readonly bytes: number };
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly classNames: string;
  readonly recordsPerFile: { readonly train: number; readonly test: number };
  /** Number of values of each label of a record; the last one is the class. */
  readonly labels: readonly number[];
  /** md5 of the files, where it is known. */
  readonly md5?: Readonly<Record<string, string>>;
}

/** Where the authors publish the archives. */
export const cifarAddress = 'https://www.cs.toronto.edu/~kriz/';

const cifar10 = { recordsPerFile: { train: 10_000, test: 10_000 }, labels: [10] };
const cifar100 = { recordsPerFile: { train: 50_000, test: 10_000 }, labels: [20, 100] };
const batches = [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}`);

/** The forms of each set, the one that is looked for first in front. */
export const cifarLayouts: Readonly<Record<CifarName, Readonly<Record<CifarForm, CifarLayout>>>> = {
  cifar10: {
    binary: {
      ...cifar10,
      form: 'binary',
      folder: 'cifar-10-batches-bin',
      archive: { name: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530', bytes: 170_052_171 },
      train: batches.map(batch => `${batch}.bin`),
      test: ['test_batch.bin'],
      classNames: 'batches.meta.txt',
    },
    python: {
      ...cifar10,
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
  },
  cifar100: {
    binary: {
      ...cifar100,
      form: 'binary',
      folder: 'cifar-100-binary',
      archive: { name: 'cifar-100-binary.tar.gz', md5: '03b5dce01913d631647c71ecec9e9cb8', bytes: 168_513_733 },
      train: ['train.bin'],
      test: ['test.bin'],
      classNames: 'fine_label_names.txt',
    },
    python: {
      ...cifar100,
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
  },
};

/** The files of a layout that gala reads. */
export function filesOf({ train, test, classNames }: CifarLayout): string[] {
  return [...train, ...test, classNames];
}

/** The folder that holds a whole layout: `root`, or the folder of the archive in it. Throws `DataError` that names what is missing. */
export function findCifar(name: CifarName, root: string): { layout: CifarLayout; folder: string } {
  const layouts = Object.values(cifarLayouts[name]);
  const candidates = layouts.flatMap(layout =>
    [resolve(root), join(resolve(root), layout.folder)].map(folder => ({ layout, folder })),
  );
  const missing = ({ layout, folder }: (typeof candidates)[number]) =>
    filesOf(layout).filter(file => !isFile(join(folder, file)));
  const whole = candidates.find(candidate => missing(candidate).length === 0);
  if (whole !== undefined) return whole;
  const partial = candidates.find(candidate => missing(candidate).length < filesOf(candidate.layout).length);
  const { layout } = partial ?? candidates[0]!;
  throw new DataError(
    partial === undefined
      ? `The files of ${layout.folder} are missing: ${filesOf(layout).join(', ')}.`
      : `Files of ${layout.folder} are missing: ${missing(partial).join(', ')}.`,
    {
      where: partial?.folder ?? `looked in ${[...new Set(candidates.map(({ folder }) => folder))].join(' and ')}`,
      next:
        packedArchiveAdvice(root, name => layouts.some(({ archive }) => archive.name === name)) ??
        `Fetch them with \`gala data download ${name} --data DIR\`, or unpack the authors' archive ${layout.archive.name} ` +
          '(www.cs.toronto.edu/~kriz/cifar.html); then name the folder with --data DIR, the environment variable GALA_DATA or data.root in the config.',
    },
  );
}

export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
