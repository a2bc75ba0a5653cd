/** `gala data lists`: shows which lists of the large sets are here, and fetches the others. */
import { Argument, type Command } from 'commander';
import type { ImageSplit, PublishedSet } from '../../data/sets/definition.js';
import { type DatasetName, namesWhere, publishedSet } from '../../data/sets/index.js';
import type { Column } from '../../tables/column.js';
import { printJson } from '../display/output.js';
import { createDownloadDisplay, createProgress } from '../display/progress.js';

interface ListsFlags {
  readonly from?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const withLists = namesWhere(set => set.form === 'published');

export function registerDataListsCommand(data: Command): void {
  data
    .command('lists')
    .description('show the image lists of the large sets; with a name, fetch its train list and check it')
    .addArgument(new Argument('[dataset]', 'whose train list').choices(withLists))
    .option(
      '--from <file-or-url>',
      'the list, plain, .gz or .tar.gz; for iNaturalist also train2018.json(.tar.gz); default: where it is published',
    )
    .option('--quiet', 'no progress')
    .option('--json', 'print JSON')
    .action(async (name: DatasetName | undefined, flags: ListsFlags) => {
      if (name === undefined)
        await show(
          withLists.map(known => publishedSet(known)!),
          flags,
        );
      else await install(publishedSet(name)!, flags);
    });
}

async function install(set: PublishedSet, { from, json = false, quiet = false }: ListsFlags): Promise<void> {
  const { file, sha256 } = set.lists.train;
  if (sha256 !== undefined) {
    process.stderr.write(`The lists of ${set.title} come with gala; there is nothing to fetch.\n`);
    await show([set], { json });
    return;
  }
  const { installTrainList } = await import('../../data/lists/installLists.js');
  const progress = createProgress({ quiet: quiet || json });
  const download = createDownloadDisplay(progress);
  const installed = await installTrainList(set, { from, download, onNote: progress.note }).finally(progress.stop);
  if (json) {
    printJson({ dataset: set.name, file, ...installed });
    return;
  }
  process.stdout.write(
    `Installed ${file}, ${installed.images} images, in ${installed.path}\n` +
      (installed.identical
        ? 'It is the published file, byte for byte.\n'
        : 'It is not the published file byte for byte, but every class has as many images as published and none ' +
          'is in another list of the set.\n'),
  );
}

interface ListRow {
  readonly dataset: string;
  readonly split: ImageSplit;
  readonly file: string;
  readonly images: number;
  readonly classes: number;
  readonly place: string;
}

const columns: readonly Column<ListRow>[] = [
  { key: 'dataset', title: 'dataset', kind: 'text', value: row => row.dataset },
  { key: 'split', title: 'split', kind: 'text', value: row => row.split },
  { key: 'list', title: 'list', kind: 'text', value: row => row.file },
  { key: 'images', title: 'images', kind: 'number', value: row => row.images },
  { key: 'classes', title: 'classes', kind: 'number', value: row => row.classes },
  { key: 'place', title: 'where', kind: 'text', value: row => row.place },
];

async function show(sets: readonly PublishedSet[], { json = false }: ListsFlags): Promise<void> {
  const [{ findOfficialList, installedLists }, { formatTable }] = await Promise.all([
    import('../../data/lists/officialLists.js'),
    import('../../tables/format.js'),
  ]);
  const rows = sets.flatMap(set =>
    (Object.keys(set.lists) as ImageSplit[]).map((split): ListRow => {
      const official = set.lists[split]!;
      const path = findOfficialList(official);
      const installed = path === undefined ? `not here: gala data lists ${set.name}` : `in ${installedLists()}`;
      const { file, images } = official;
      return {
        dataset: set.name,
        split,
        file,
        images,
        classes: set.classes,
        place: official.sha256 === undefined ? installed : 'comes with gala',
      };
    }),
  );
  process.stdout.write(`${formatTable(rows, columns, json ? 'json' : 'terminal')}\n`);
}
