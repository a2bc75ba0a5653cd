/** `gala data lists`: fetches or takes over the train lists that are too large to come with gala, and checks them. */
import { rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { withFolderLock } from '../../io/folderLock.js';
import { type DownloadOptions, downloadFile } from '../../io/httpDownload.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { readArchive } from '../../io/readArchive.js';
import type { PublishedSet } from '../sets/definition.js';
import { checkOfficialList, installedLists } from './officialLists.js';

export interface ListSource {
  /** An address, a list, plain or packed, or iNaturalist's annotations; the published address when left out. */
  readonly from?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  readonly download?: Omit<DownloadOptions, 'otherwise'>;
  /** Hears that another process installs a list, which has to be waited for. */
  readonly onNote?: (line: string) => void;
}

export interface InstalledList {
  readonly path: string;
  readonly images: number;
  readonly source: string;
  /** Whether it is the published file, byte for byte. */
  readonly identical: boolean;
}

/** Installs the train list of a set into the cache, atomically. Throws `DataError`, `StorageError`. */
export async function installTrainList(set: PublishedSet, source: ListSource = {}): Promise<InstalledList> {
  const official = set.lists.train;
  const folder = installedLists(source.environment);
  const from = source.from ?? official.address!;
  makeFolderBelow(dirname(folder), basename(folder));
  const onWait = (holder: string) =>
    source.onNote?.(`Another installation of a list is at work (${holder}); waiting for it …`);
  return await withFolderLock(folder, onWait, async () => {
    const bytes = /^\w+:\/\//.test(from) ? await fetchList(set, from, folder, source) : await readBrought(set, from);
    const { list, identical } = checkOfficialList(set, 'train', bytes, from);
    const path = join(folder, `${official.file}.gz`);
    writeFileAtomic(path, gzipSync(bytes));
    return { path, images: list.labels.length, source: from, identical };
  });
}

async function fetchList(
  set: PublishedSet,
  url: string,
  folder: string,
  { download }: ListSource,
): Promise<Uint8Array> {
  const { file } = set.lists.train;
  const partial = join(folder, `.${basename(new URL(url).pathname) || file}.part`);
  await downloadFile(url, partial, {
    ...download,
    otherwise: `Without network: copy ${file} here and run \`gala data lists ${set.name} --from FILE\`.`,
  });
  try {
    return await readBrought(set, partial, url);
  } finally {
    rmSync(partial, { force: true }); // whole, or not what it should be: going on with it makes no sense
  }
}

/** The bytes of a list: a text, a packed text, or made from annotations. */
async function readBrought(set: PublishedSet, path: string, where = path): Promise<Uint8Array> {
  const content = readArchive(path, name => /\.(txt|json)$/.test(name), where);
  const first = content.find(byte => byte > 32);
  if (first !== 0x7b) return content; // {
  if (set.listOfAnnotations) return set.listOfAnnotations(content, where);
  throw new DataError(`The list of ${set.title} cannot be made from annotations: it was drawn at random.`, {
    where,
    next: `Give the file ${set.lists.train.file}.`,
  });
}
