/** `gala data verify`: is every image of a dataset there, and with --deep does it decode? */
import { resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import type { HashedImages } from '../../data/files/repeatedImages.js';
import type { ImageSplits } from '../../data/imageSplits.js';
import type { DatasetConfig } from '../../data/index.js';
import type { ImageSplit } from '../../data/sets/definition.js';
import { isFolders, isImageFiles, namesWhere } from '../../data/sets/index.js';
import type { SplitReport } from '../../data/verify/verifyReport.js';
import { ConfigError } from '../../errors.js';
import { jsonText } from '../display/jsonText.js';
import { createProgress } from '../display/progress.js';
import { CommandExit } from '../exit.js';
import { parseCount } from '../lists.js';

interface VerifyFlags {
  readonly config?: string;
  readonly set?: string[];
  readonly data?: string;
  readonly deep?: boolean;
  readonly split?: ImageSplit;
  readonly workers?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const dataErrorExitCode = 4;
/** Sets that a folder is enough for: those with lists in the config need the config. */
const verifiable = namesWhere(set =>
  set.form === 'own' ? set.imagesOf === 'folders' : set.form === 'published' || set.bundled === undefined,
);

export function registerDataVerifyCommand(data: Command): void {
  data
    .command('verify')
    .description('check that every image is there, and with --deep that it decodes; exit 4 when one is not')
    .addArgument(new Argument('[dataset]', 'in place of --config').choices(verifiable))
    .option('--config <config>', 'whose dataset: a YAML file, or a name of `gala config list`')
    .option('--set <key=value...>', 'with --config: override keys')
    .option('--data <dir>', 'folder of the dataset (before GALA_DATA and data.root)')
    .option('--deep', 'decode every image; what was found is remembered until the file changes')
    .addOption(new Option('--split <split>', 'only this one').choices(['train', 'val', 'test']))
    .option('--workers <number>', 'threads (default: one for each core)', parseCount)
    .option('--quiet', 'no progress')
    .option('--json', 'print JSON, with every file that is not sound')
    .action(async (dataset: DatasetConfig['dataset'] | undefined, flags: VerifyFlags) => {
      const config = await dataConfig(dataset, flags);
      const sound = isImageFiles(config.dataset)
        ? await verifyImageSet(config, flags)
        : await verifySmallSet(config, flags);
      if (!sound) throw new CommandExit(dataErrorExitCode);
    });
}

async function dataConfig(
  dataset: DatasetConfig['dataset'] | undefined,
  { config, set }: VerifyFlags,
): Promise<DatasetConfig> {
  if ((dataset === undefined) === (config === undefined)) {
    throw new ConfigError('Give the name of a dataset, or a config.', {
      where: 'gala data verify',
      next: 'gala data verify imagenet_lt --data DIR, or gala data verify --config C --data DIR.',
    });
  }
  if (dataset !== undefined) return { dataset, imbalance_factor: 1, subset_seed: 0, augment: [], workers: 0 };
  const { loadConfig } = await import('../../config/load.js');
  return loadConfig(config!, { ...(set && { set }) }).config.data;
}

/** CIFAR and the bundled set are checked whenever they are opened. */
async function verifySmallSet(config: DatasetConfig, { data, json }: VerifyFlags): Promise<boolean> {
  const { openDatasets } = await import('../../data/index.js');
  const { root, notes, train, test } = await openDatasets(config, { dataRoot: data });
  if (json) process.stdout.write(`${jsonText({ dataset: config.dataset, root, notes })}\n`);
  else {
    for (const note of notes) process.stdout.write(`${note}\n`);
    process.stdout.write(`${config.dataset} in ${root}: ${train.length} + ${test.length} images, sound.\n`);
  }
  return true;
}

async function verifyImageSet(config: DatasetConfig, flags: VerifyFlags): Promise<boolean> {
  const { imagesRoot } = await import('../../data/index.js');
  const { openImageSplits, splitsOf } = await import('../../data/imageSplits.js');
  const { requireTwoClasses } = await import('../../data/oneClass.js');
  const { isPackedSet } = await import('../../data/pack/packedDataset.js');
  const root = imagesRoot(config, { dataRoot: flags.data });
  if (isPackedSet(root)) {
    throw new ConfigError('This is a packed set: there are no image files to check.', {
      where: root,
      next:
        'Name the folder of the image files. Training compares each packed image with its checksum when it ' +
        'reads it.',
    });
  }
  const opened = openImageSplits(config, { root, val: true });
  requireTwoClasses(opened.train.files.classNames, opened.train.source, isFolders(config.dataset));
  const splits = splitsOf(opened).filter(split => (flags.split ?? split) === split);
  if (splits.length === 0) {
    throw new ConfigError(`The set has no split ${flags.split} of its own.`, {
      where: '--split',
      next: 'Leave --split out to check every split.',
    });
  }
  const reports: SplitReport[] = [];
  const hashed: HashedImages[] = [];
  for (const split of splits) {
    const { report, digests } = await verifySplit(split, opened, root, flags);
    reports.push(report);
    if (digests) hashed.push({ split, files: opened[split]!.files, digests });
  }
  const { repeatedContents } = await import('../../data/files/repeatedImages.js');
  const notes = [...opened.notes, ...repeatedContents(hashed)];
  if (flags.json) {
    const report = { dataset: config.dataset, root: resolve(root), notes, splits: reports };
    process.stdout.write(`${jsonText(report)}\n`);
  } else {
    const { describeReport } = await import('../display/verifyText.js');
    for (const note of notes) process.stdout.write(`${note}\n`);
    process.stdout.write(reports.map(describeReport).join(''));
  }
  const { isFaulty } = await import('../../data/verify/verifyReport.js');
  return !reports.some(isFaulty);
}

async function verifySplit(
  split: ImageSplit,
  opened: ImageSplits,
  root: string,
  { deep, workers, quiet, json }: VerifyFlags,
): Promise<{ report: SplitReport; digests?: Int32Array }> {
  const { codesOfMissing, reportSplit } = await import('../../data/verify/verifyReport.js');
  const files = opened[split]!;
  const { length } = files.files;
  const { missing } = files.located;
  const reportOf = (codes: Uint8Array) => reportSplit(split, files, codes, resolve(root), opened.set);
  if (!deep) return { report: reportOf(codesOfMissing(length, missing)) };
  const { verifyImages } = await import('../../data/verify/verifyImages.js');
  const progress = createProgress({ quiet: (quiet ?? false) || (json ?? false) });
  const shown = (checked: number) => ({ [split]: `${checked}/${length}` });
  progress.start(length, shown(0));
  try {
    const { verdicts, digests, reused, note } = await verifyImages(files.files, {
      missing,
      ...(workers && { workers }),
      onProgress: checked => progress.update(checked, shown(checked)),
    });
    progress.stop();
    if (reused > 0) progress.note(`${split}: ${reused} of ${length} images have not changed since they were checked.`);
    if (note !== undefined) progress.note(note);
    return { report: reportOf(verdicts), digests };
  } finally {
    progress.stop();
  }
}
