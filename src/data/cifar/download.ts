/**
 * `gala data download`: the official archive of CIFAR → its md5 → the few files that are needed → the dataset's
 * folder, atomically.
 */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { extract } from 'tar';
import { DataError, GalaError, StorageError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { withFolderLock } from '../../io/folderLock.js';
import { md5OfFile } from '../../io/hash.js';
import { type DownloadOptions, downloadFile } from '../../io/httpDownload.js';
import { makeFolder, refuseLinksBelow } from '../../io/makeFolder.js';
import { freeBytesOf, publishFolder, removeStagings, withStaging } from '../../io/staging.js';
import type { CifarForm, CifarLayout } from '../sets/definition.js';
import { archivesOf, type DownloadableName } from '../sets/index.js';
import { filesOf } from './layouts.js';

export interface CifarDownload {
  /** Folder that gets the folder of the archive. */
  readonly folder: string;
  readonly form?: CifarForm;
  /** Address of the folder that holds the archive. */
  readonly address?: string;
  /** An archive on this machine in place of the download. */
  readonly from?: string | undefined;
  readonly download?: Omit<DownloadOptions, 'otherwise'>;
  /** Hears what is being done. */
  readonly onNote?: (line: string) => void;
  /** In place of the official layout, for tests. */
  readonly layout?: CifarLayout;
}

const stagingPrefix = '.unpacking-';
/** Unpacked files are a little larger than the archive. */
const roomFactor = 1.2;

/**
 * Puts the files of a set into `folder`; `fresh` is false if they were there already. A killed download goes on where
 * it was, a killed unpacking leaves nothing that counts as a dataset. Throws `DataError` (server, network, wrong
 * bytes), `StorageError` (disk).
 */
export async function downloadCifar(
  name: DownloadableName,
  options: CifarDownload,
): Promise<{ folder: string; fresh: boolean }> {
  const { form = 'python', onNote } = options;
  const layout = options.layout ?? archivesOf(name)[form];
  const folder = resolve(options.folder);
  const target = join(folder, layout.folder);
  if (isWhole(target, layout)) return { folder: target, fresh: false };
  try {
    makeFolder(folder);
    const onWait = (holder: string) => onNote?.(`Another download is at work (${holder}); waiting for it …`);
    return await withFolderLock(folder, onWait, async () => {
      if (isWhole(target, layout)) return { folder: target, fresh: false };
      refuseOtherContent(target, layout);
      removeStagings(folder, stagingPrefix, staging => removeStaging(staging, layout));
      requireRoom(folder, layout, options.from);
      const address = options.address ?? archivesOf(name).address;
      const archive = await obtain(layout, folder, { ...options, address });
      await unpack(archive, layout, folder, onNote);
      if (options.from === undefined) rmSync(archive, { force: true });
      return { folder: target, fresh: true };
    });
  } catch (error) {
    throw error instanceof GalaError ? error : diskError(error as NodeJS.ErrnoException, folder);
  }
}

/** The path of an archive with the official md5. */
async function obtain(
  layout: CifarLayout,
  folder: string,
  options: CifarDownload & { address: string },
): Promise<string> {
  const { name, md5: official } = layout.archive;
  if (options.from !== undefined) {
    const path = resolve(options.from);
    if (!existsSync(path)) {
      throw new DataError('The archive is not there.', { where: path, next: `Give --from the path of ${name}.` });
    }
    const found = await md5OfFile(path);
    if (found !== official) throw wrongBytes(layout, path, found, 'Give the archive as the authors publish it.');
    return path;
  }
  const url = `${options.address.replace(/\/*$/, '/')}${name}`;
  const partial = join(folder, `${name}.part`);
  for (;;) {
    const resumed = existsSync(partial);
    options.onNote?.(`${resumed ? 'Going on with' : 'Downloading'} ${url}`);
    await downloadFile(url, partial, {
      ...options.download,
      otherwise: `Without network: copy ${name} here and run the command with --from FILE.`,
    });
    options.onNote?.('Checking its md5 …');
    const found = await md5OfFile(partial);
    if (found === official) return partial;
    rmSync(partial);
    if (!resumed) {
      throw wrongBytes(
        layout,
        url,
        found,
        'It was deleted. Run it again; if it persists, a proxy or the server sends other bytes.',
      );
    }
    options.onNote?.(
      `Its md5 is ${found}, not ${official}: the part that was here did not belong to it. Beginning anew.`,
    );
  }
}

async function unpack(
  archive: string,
  layout: CifarLayout,
  folder: string,
  onNote?: (line: string) => void,
): Promise<void> {
  const wanted = new Set(filesOf(layout).map(file => `${layout.folder}/${file}`));
  onNote?.(`Unpacking ${wanted.size} files …`);
  const fill = async (staging: string) => {
    await extract({
      file: archive,
      cwd: staging,
      strict: true,
      preserveOwner: false,
      filter: (path, entry) => wanted.has(path.replace(/^\.\//, '')) && 'type' in entry && entry.type === 'File',
    });
    const unpacked = join(staging, layout.folder);
    for (const file of filesOf(layout)) await requireFile(join(unpacked, file), file, archive, layout);
    publishFolder(unpacked, join(folder, layout.folder));
  };
  await withStaging(folder, stagingPrefix, fill, staging => removeStaging(staging, layout));
}

/** Removes what was unpacked there; what else is there stays, and its folder. */
function removeStaging(staging: string, layout: CifarLayout): void {
  const unpacked = join(staging, layout.folder);
  refuseLinksBelow(staging, layout.folder);
  for (const file of filesOf(layout)) rmSync(join(unpacked, file), { force: true });
  for (const path of [unpacked, staging]) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

async function requireFile(path: string, file: string, archive: string, layout: CifarLayout): Promise<void> {
  if (!existsSync(path)) {
    throw new DataError(`The archive does not hold ${layout.folder}/${file}.`, {
      where: archive,
      next: `Give ${layout.archive.name} as the authors publish it.`,
    });
  }
  const official = layout.md5?.[file];
  const found = official === undefined ? undefined : await md5OfFile(path);
  if (found !== official) throw wrongBytes(layout, `${archive}, ${file}`, found!, 'Run the command again.', official);
}

function wrongBytes(
  layout: CifarLayout,
  where: string,
  found: string,
  next: string,
  official = layout.archive.md5,
): DataError {
  return new DataError(`The bytes are not those of the authors: md5 ${found}, published ${official}.`, { where, next });
}

function isWhole(folder: string, layout: CifarLayout): boolean {
  return filesOf(layout).every(file => existsSync(join(folder, file)));
}

/** A folder of that name with something else in it is somebody's: nothing in it is replaced. */
function refuseOtherContent(target: string, layout: CifarLayout): void {
  if (!existsSync(target) || readdirSync(target).length === 0) return;
  const missing = filesOf(layout).filter(file => !existsSync(join(target, file)));
  throw new StorageError(`The folder is there already, but lacks ${missing.join(', ')}.`, {
    where: target,
    next: 'Move it away or delete it, then run the command again; or choose another folder with --data.',
  });
}

function requireRoom(folder: string, { archive }: CifarLayout, from: string | undefined): void {
  const fetched = statSync(join(folder, `${archive.name}.part`), { throwIfNoEntry: false })?.size ?? 0;
  const toFetch = from === undefined ? Math.max(0, archive.bytes - fetched) : 0;
  const needed = toFetch + roomFactor * archive.bytes;
  const free = freeBytesOf(folder);
  if (free >= needed) return;
  throw new StorageError(
    `The archive and its files need ${Math.round(needed / 1e6)} MB, and there are ${Math.round(free / 1e6)} MB.`,
    { where: folder, next: 'Free some space, or choose a folder on another disk with --data.' },
  );
}

function diskError(error: NodeJS.ErrnoException, folder: string): Error {
  if (error.code === undefined) return error;
  if (/^(TAR|Z_)/.test(error.code)) {
    return new DataError(`The archive could not be unpacked: ${error.message}`, {
      where: folder,
      next: 'Run the command again: the archive is fetched anew.',
      cause: error,
    });
  }
  return new StorageError(`The dataset could not be written: ${reasonOf(error)}`, {
    where: folder,
    next: 'Check free space and permissions of the folder, then run the same command again.',
    cause: error,
  });
}
