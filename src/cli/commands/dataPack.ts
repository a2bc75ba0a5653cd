/** `gala data pack`: image files → shards of decoded images that training reads in their place. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { DatasetConfig } from '../../data/index.js';
import type { PackOptions } from '../../data/pack/pack.js';
import type { ImageSplit } from '../../data/sets/definition.js';
import { isFolders, isImageFiles, namesWhere } from '../../data/sets/index.js';
import { ConfigError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import { usableCores } from '../../machine/cpu.js';
import { printJson } from '../display/output.js';
import { createCheckDisplay, createProgress, type Progress } from '../display/progress.js';
import { parseCount, splitOption, workersOption } from '../options.js';

interface PackFlags {
  readonly config: string;
  readonly output: string;
  readonly set?: string[];
  readonly data?: string;
  readonly split?: ImageSplit;
  readonly shortSide?: number;
  readonly workers?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function registerDataPackCommand(data: Command): void {
  data
    .command('pack')
    .description('decode and reduce every image once, into shards for --data in place of the files')
    .requiredOption('--config <config>', 'whose images: a YAML file, or a name of `gala config list`')
    .requiredOption('--output <dir>', 'folder of the packed set; the same command goes on with an unfinished one')
    .option('--set <key=value...>', 'override keys')
    .option('--data <dir>', 'folder of the image files (has priority over GALA_DATA and data.root)')
    .addOption(splitOption())
    .option('--short-side <pixels>', 'shorter side of images that are larger (default: that of evaluation)', parseCount)
    .addOption(workersOption())
    .option('--quiet', 'no progress')
    .option('--json', 'print JSON')
    .action(pack);
}

async function pack(flags: PackFlags): Promise<void> {
  const { loadConfig } = await import('../../config/load.js');
  const { inputSizeOf } = await import('../../data/schema.js');
  const config = loadConfig(flags.config, { ...(flags.set && { set: flags.set }) }).config.data;
  const root = await rootOf(config, flags);
  const shortSide = flags.shortSide ?? inputSizeOf(config).shortSide;
  const progress = createProgress({ quiet: (flags.quiet ?? false) || (flags.json ?? false) });
  const { packImages } = await import('../../data/pack/pack.js');
  const splits = [];
  try {
    for (const { split, files, list, notes } of await filesOf(config, root, flags, progress)) {
      const shown = (images: number) => ({ packing: `${split} ${images}/${files.length}` });
      progress.start(files.length, shown(0));
      const summary = await packImages({
        files,
        split,
        list,
        notes,
        folder: join(flags.output, split),
        shortSide,
        workers: flags.workers ?? usableCores(),
        onProgress: images => progress.update(images, shown(images)),
        onWait: who => progress.note(`${split}: another gala packs into this folder (${who}); waiting for it …`),
      });
      progress.stop();
      if (summary.found > 0) progress.note(`${split}: ${summary.found} images had been packed before.`);
      splits.push({ split, ...summary });
    }
  } finally {
    progress.stop();
  }
  if (flags.json) {
    const output = resolve(flags.output);
    printJson({ dataset: config.dataset, output, shortSide, splits });
    return;
  }
  for (const { split, images, bytes } of splits) {
    process.stdout.write(`Packed ${images} ${split} images, ${(bytes / 1e6).toFixed(0)} MB, short side ${shortSide}\n`);
  }
  process.stdout.write(`Train on them with --data ${shellWord(flags.output)}\n`);
}

async function rootOf(config: DatasetConfig, { data }: PackFlags): Promise<string> {
  if (!isImageFiles(config.dataset)) {
    throw new ConfigError(`${config.dataset} is not made of image files: there is nothing to pack.`, {
      where: 'data.dataset',
      next: `gala data pack works on ${namesWhere(set => set.form !== 'pixels').join(', ')}.`,
    });
  }
  const { dataFolder } = await import('../../data/index.js');
  return dataFolder(config, { dataRoot: data });
}

/**
 * The files of the wanted splits. Throws `DataError` for missing files; images are decoded only when they are packed.
 */
async function filesOf(
  config: DatasetConfig,
  root: string,
  flags: PackFlags,
  progress: Progress,
): Promise<(Pick<PackOptions, 'files' | 'list' | 'notes'> & { readonly split: ImageSplit })[]> {
  const [{ openImageSplits, splitsOf }, { checkSplit }, { isPackedSet, listName }] = await Promise.all([
    import('../../data/files/imageSplits.js'),
    import('../../data/verify/checkSplit.js'),
    import('../../data/pack/packedSet.js'),
  ]);
  if (isPackedSet(root)) {
    throw new ConfigError('This set is packed already.', { where: root, next: 'Name the folder of the image files.' });
  }
  const opened = openImageSplits(config, { root, val: true });
  for (const note of opened.notes) progress.note(note);
  const files: Awaited<ReturnType<typeof filesOf>> = [];
  for (const split of splitsOf(opened, flags.split)) {
    const found = opened[split]!;
    // The pack leaves out the images that training would leave out.
    const skips = split === 'train' && config.on_bad_image === 'skip';
    const watcher = createCheckDisplay(progress);
    const checked = await checkSplit(split, found, {
      root: resolve(root),
      set: opened.set,
      deep: skips,
      skips,
      watcher,
    });
    for (const note of checked.notes) progress.note(note);
    // The whole list: `checked` may have fewer images.
    const { fingerprint } = found.files;
    const list = isFolders(config.dataset) ? undefined : { name: listName(found.source), fingerprint };
    files.push({ split, files: checked.files, list, notes: [...opened.notes, ...checked.notes] });
  }
  return files;
}
