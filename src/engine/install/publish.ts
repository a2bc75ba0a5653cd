/** Makes an installation in a staging folder and renames it into the cache, under the lock of the cache. */
import { basename, join } from 'node:path';
import { EngineError, GalaError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { withFolderLock } from '../../io/folderLock.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { freeBytesOf, publishFolder, removeStagings, withStaging } from '../../io/staging.js';
import { enginesFolder, type Manifest } from './cache.js';
import type { WheelPin } from './pin.js';
import type { Platform } from './platform.js';

/** Shows the progress of an installation; `Progress` of the command line implements it. */
interface InstallListener {
  note(line: string): void;
  start(total: number, payload?: Record<string, string | number>): void;
  update(value: number, payload?: Record<string, string | number>): void;
  stop(): void;
}

export interface InstallOptions {
  readonly pin?: WheelPin;
  readonly cache?: string;
  /** A wheel file, or a folder with all wheels of the engine; nothing is downloaded then. */
  readonly from?: string;
  /** Installs the engine even if it is installed already. */
  readonly force?: boolean;
  readonly listener?: InstallListener;
  readonly environment?: NodeJS.ProcessEnv;
  readonly platform?: Platform;
  /** Free bytes of the disk that holds a folder. */
  readonly freeBytes?: (folder: string) => number;
}

export interface InstalledEngine {
  readonly folder: string;
  readonly manifest: Manifest;
  /** False when the engine was installed already. */
  readonly fresh: boolean;
}

const stagingPrefix = '.staging-';

interface Installation {
  /** The engine's folder in the cache. */
  readonly folder: string;
  /** Free bytes on disk that the installation needs. */
  readonly bytes: number;
  /** The manifest of the engine if it is installed already. */
  present(): Manifest | undefined;
  /** Fills `staging/engine`, which becomes `folder`. Everything else in `staging` is removed afterwards. */
  make(staging: string): Promise<Manifest>;
}

/** Installs an engine unless it is installed already. Throws `EngineError`. */
export async function publishInstallation(
  installation: Installation,
  cache: string,
  options: InstallOptions,
): Promise<InstalledEngine> {
  const { folder } = installation;
  const present = installation.present();
  if (present && !options.force) return { folder, manifest: present, fresh: false };
  try {
    makeFolderBelow(cache, basename(enginesFolder(cache)));
    const onWait = (holder: string) =>
      options.listener?.note(`Another installation is at work (${holder}); waiting for it …`);
    return await withFolderLock(enginesFolder(cache), onWait, async waited => {
      const meanwhile = installation.present();
      if (meanwhile && (waited || !options.force)) return { folder, manifest: meanwhile, fresh: false };
      return { folder, manifest: await installLocked(installation, enginesFolder(cache), options), fresh: true };
    });
  } catch (error) {
    throw error instanceof GalaError ? error : diskError(error as NodeJS.ErrnoException, cache);
  }
}

async function installLocked(
  { folder, bytes, make }: Installation,
  engines: string,
  options: InstallOptions,
): Promise<Manifest> {
  // This process holds the lock, so all staging folders are those of killed installations.
  removeStagings(engines, stagingPrefix);
  requireSpace(bytes, engines, options);
  return await withStaging(engines, stagingPrefix, async staging => {
    const manifest = await make(staging);
    publishFolder(join(staging, 'engine'), folder, join(staging, 'replaced'));
    return manifest;
  });
}

function requireSpace(needed: number, folder: string, options: InstallOptions): void {
  const free = (options.freeBytes ?? freeBytesOf)(folder);
  if (free >= needed) return;
  throw new EngineError(`The engine needs ${megabytes(needed)} of free disk space, and ${megabytes(free)} are free.`, {
    where: folder,
    next:
      'Free some space, or put the cache on another disk: gala engine install --cache DIR (and set ' +
      'GALA_CACHE=DIR).',
  });
}

function diskError(error: NodeJS.ErrnoException, cache: string): unknown {
  if (error.code === undefined || error.syscall === undefined) return error;
  return new EngineError(`The engine could not be installed: ${reasonOf(error)}.`, {
    where: cache,
    next:
      error.code === 'ENOSPC' || error.code === 'EDQUOT'
        ? 'Free some space, or put the cache on another disk: gala engine install --cache DIR.'
        : 'Check the permissions of the cache folder, or choose another: gala engine install --cache DIR.',
    cause: error,
  });
}

/** A size in MB of a million bytes. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : `${Math.round(bytes / 1e6)} MB`;
}
