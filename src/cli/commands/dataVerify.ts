/** `gala data verify`: is every image of a dataset there, and with --deep does it decode? */
import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import type { ImageSplits } from '../../data/files/imageSplits.js';
import type { HashedImages } from '../../data/files/repeatedImages.js';
import type { DatasetConfig } from '../../data/index.js';
import type { ImageSplit } from '../../data/sets/definition.js';
import { isFolders, isImageFiles, namesWhere } from '../../data/sets/index.js';
import { faults, oddities, type Verdict } from '../../data/verify/verdict.js';
import type { ClassReport, SplitReport } from '../../data/verify/verifyReport.js';
import { ConfigError } from '../../errors.js';
import { visibleLine } from '../../io/visibleText.js';
import type { Column } from '../../tables/column.js';
import { printJson } from '../display/output.js';
import { createProgress } from '../display/progress.js';
import { CommandExit } from '../failure.js';
import { dataOption, refuseUnused, splitOption, workersOption } from '../options.js';

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
const verifiable = namesWhere(set => set.form !== 'own' || set.imagesOf === 'folders');

export function registerDataVerifyCommand(data: Command): void {
  data
    .command('verify')
    .description('check that every image is there, and with --deep that it decodes; exit 4 when one is not')
    .addArgument(new Argument('[dataset]', 'in place of --config').choices(verifiable))
    .option('--config <config>', 'whose dataset: a YAML file, or a name of `gala config list`')
    .option('--set <key=value...>', 'with --config: override keys')
    .addOption(dataOption())
    .option('--deep', 'decode every image; what was found is remembered until the file changes')
    .addOption(splitOption())
    .addOption(workersOption())
    .option('--quiet', 'no progress')
    .option('--json', 'print JSON, with every file that is not sound')
    .action(async (dataset: DatasetConfig['dataset'] | undefined, flags: VerifyFlags, command: Command) => {
      if (flags.config === undefined) refuseUnused(command, ['set'], 'without --config');
      const config = await dataConfig(dataset, flags);
      if (!isImageFiles(config.dataset)) await verifySmallSet(config, flags);
      else if (!(await verifyImageSet(config, flags))) throw new CommandExit(dataErrorExitCode);
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

/** CIFAR and the bundled set are checked when they are opened. Throws `DataError` for a fault. */
async function verifySmallSet(config: DatasetConfig, { data, json }: VerifyFlags): Promise<void> {
  const { openDatasets } = await import('../../data/index.js');
  const { root, notes, train, test } = await openDatasets(config, { dataRoot: data, anew: true });
  if (json) printJson({ dataset: config.dataset, root, notes });
  else {
    for (const note of notes) process.stdout.write(`${note}\n`);
    process.stdout.write(`${config.dataset} in ${root}: ${train.length} + ${test.length} images, sound.\n`);
  }
}

/** Prints the report. False where an image has a fault. */
async function verifyImageSet(config: DatasetConfig, flags: VerifyFlags): Promise<boolean> {
  const { dataFolder } = await import('../../data/index.js');
  const { openImageSplits, splitsOf } = await import('../../data/files/imageSplits.js');
  const { requireTwoClasses } = await import('../../data/trainingSet.js');
  const { isPackedSet } = await import('../../data/pack/packedSet.js');
  const root = dataFolder(config, { dataRoot: flags.data });
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
  const splits = splitsOf(opened, flags.split);
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
    printJson({ dataset: config.dataset, root: resolve(root), notes, splits: reports });
  } else {
    for (const note of notes) process.stdout.write(`${note}\n`);
    for (const report of reports) process.stdout.write(await describeReport(report));
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

const classesShown = 20;
const filesShown = 10;

/** The report for a person: a line when all is well; else the classes with faults, the first files and what to do. */
async function describeReport(report: SplitReport): Promise<string> {
  const { formatTable } = await import('../../tables/format.js');
  const { split, images, source, found, classes, files, missingFolders, wrongCounts, advice } = report;
  const kinds = [...faults, ...oddities].filter(verdict => found[verdict] !== undefined);
  const well = found.unchecked === undefined ? 'sound' : 'there';
  const rest = (found.sound ?? 0) + (found.unchecked ?? 0);
  const counts = [...(rest > 0 ? [`${rest} ${well}`] : []), ...kinds.map(verdict => `${found[verdict]} ${verdict}`)];
  const lines = [`${split}: ${images} images (${visibleLine(source)}): ${counts.join(', ')}.`];
  if (classes.length > 0) {
    lines.push('', formatTable(classes.slice(0, classesShown), columnsOf(kinds), 'terminal'));
    if (classes.length > classesShown)
      lines.push(`… and ${classes.length - classesShown} more classes (--json has them all).`);
  }
  const inFolders = files.filter(
    ({ path }) => !missingFolders.some(({ candidates }) => path.startsWith(`${candidates[0]}/`)),
  );
  lines.push(
    ...firstOf(missingFolders, 'folders', ({ candidates }) => {
      const folders = candidates.map(visibleLine);
      return folders.length === 1 ? `No folder ${folders[0]}` : `Neither ${folders.join(' nor ')} exists.`;
    }),
    ...firstOf(inFolders, 'files (--json has them all)', ({ path, verdict }) => `${verdict}: ${visibleLine(path)}`),
    ...firstOf(
      wrongCounts,
      'classes of another count',
      ({ label, name, listed, published }) =>
        `wrong count: class ${label} (${visibleLine(name)}) has ${listed} images in the list, ` +
        `${published} as published`,
    ),
  );
  if (advice !== undefined) lines.push(`next: ${advice}`);
  if (lines.length > 1) lines.push('');
  return `${lines.join('\n')}\n`;
}

/** Lines for the first items, and one for the number of the others, which are `named`. */
function firstOf<Item>(items: readonly Item[], named: string, lineOf: (item: Item) => string): string[] {
  const others = items.length - filesShown;
  return [...items.slice(0, filesShown).map(lineOf), ...(others > 0 ? [`… and ${others} more ${named}.`] : [])];
}

function columnsOf(kinds: readonly Verdict[]): Column<ClassReport>[] {
  return [
    { key: 'class', title: 'class', kind: 'number', value: row => row.label },
    { key: 'name', title: 'name', kind: 'text', value: row => row.name },
    { key: 'listed', title: 'listed', kind: 'number', value: row => row.listed },
    ...kinds.map(
      (verdict): Column<ClassReport> => ({
        key: verdict,
        title: verdict,
        kind: 'number',
        value: row => row.found[verdict],
      }),
    ),
  ];
}
