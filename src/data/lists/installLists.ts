/** Installs and checks the train lists that are too large to come with gala, from the network or from a file. */
import { rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { list as listArchive, type ReadEntry } from 'tar';
import { DataError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { withFolderLock } from '../../io/folderLock.js';
import { type DownloadOptions, downloadFile } from '../../io/httpDownload.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { readPlainOrGzip } from '../../io/plainOrGzip.js';
import type { PublishedSet } from '../sets/definition.js';
import { checkOfficialList, installedLists } from './officialLists.js';

export interface ListSource {
  /** An address, or a file: a list, or the annotations of iNaturalist. By default the published address. */
  readonly from?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  readonly download?: Omit<DownloadOptions, 'otherwise'>;
  /** Called with a line when another process installs a list, and this one waits. */
  readonly onNote?: (line: string) => void;
}

export interface InstalledList {
  readonly path: string;
  readonly images: number;
  readonly source: string;
  /** Whether it is the published file, byte for byte. */
  readonly identical: boolean;
}

/** Installs the train list of a set in the cache, atomically. Rejects with `DataError` or `StorageError`. */
export async function installTrainList(set: PublishedSet, source: ListSource = {}): Promise<InstalledList> {
  const official = set.lists.train;
  const folder = installedLists(source.environment);
  const from = source.from ?? official.address!;
  makeFolderBelow(dirname(folder), basename(folder));
  const onWait = (holder: string) =>
    source.onNote?.(`Another installation of a list is at work (${holder}); waiting for it …`);
  return await withFolderLock(folder, onWait, async () => {
    const bytes = /^\w+:\/\//.test(from) ? await fetchList(set, from, folder, source) : readGiven(set, from);
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
    return readGiven(set, partial, url);
  } finally {
    rmSync(partial, { force: true }); // the download is complete, so the next one must not continue it
  }
}

/** The bytes of a list: those of the file, or made from annotations. */
function readGiven(set: PublishedSet, path: string, where = path): Uint8Array {
  const content = readArchive(path, name => /\.(txt|json)$/.test(name), where);
  const first = content.find(byte => byte > 32);
  if (first !== 0x7b) return content; // not a brace, so no JSON
  if (set.listOfAnnotations) return set.listOfAnnotations(content, where);
  throw new DataError(`The list of ${set.title} cannot be made from annotations: it was drawn at random.`, {
    where,
    next: `Give the file ${set.lists.train.file}.`,
  });
}

/**
 * The content of a file that may be a tar archive, compressed with gzip, or both. Of an archive, the content of its
 * only file whose name is `wanted`. The content decides, not the name of the file. Throws `DataError` that names
 * `where`.
 */
function readArchive(path: string, wanted: (name: string) => boolean, where = path): Buffer {
  const bytes = readPlainOrGzip(path, where);
  if (bytes.toString('latin1', 257, 262) !== 'ustar') return bytes;
  const found: { name: string; chunks: Buffer[] }[] = [];
  const fault = (message: string, cause?: unknown) =>
    new DataError(message, { where, next: 'Give the file itself, or its archive as it was published.', cause });
  try {
    listArchive({
      file: path,
      sync: true,
      strict: true,
      onReadEntry: (entry: ReadEntry) => {
        if (entry.type !== 'File' || !wanted(entry.path)) return;
        const member = { name: entry.path, chunks: [] as Buffer[] };
        found.push(member);
        entry.on('data', chunk => member.chunks.push(Buffer.from(chunk)));
      },
    });
  } catch (error) {
    throw fault(`The archive is damaged: ${(error as Error).message}`, error);
  }
  const [only, second] = found;
  if (only === undefined) throw fault('The archive has no list and no annotations.');
  if (second !== undefined) throw fault(`The archive has several such files: ${only.name}, ${second.name}.`);
  return Buffer.concat(only.chunks);
}
