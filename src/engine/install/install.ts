/** `gala engine install`: pinned wheel → checksum → the few files that are needed → the per-user cache, atomically. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError, GalaError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { sha256OfFile } from '../../io/hash.js';
import {
  cacheFolder,
  engineFolder,
  enginesFolder,
  headerPath,
  installedManifest,
  type Manifest,
  manifestName,
} from './cache.js';
import { downloadWheel, findPip } from './download.js';
import { withLock } from './lock.js';
import { tensorflowCpu, unpackedBytes, type WheelPin } from './pin.js';
import { type Platform, requirePlatform, thisPlatform } from './platform.js';
import { extractMember, readWheelDirectory } from './wheelFile.js';

/** What an installation tells its reader; `Progress` of the command line is one. */
export interface InstallListener {
  note(line: string): void;
  start(total: number, payload?: Record<string, string | number>): void;
  update(value: number, payload?: Record<string, string | number>): void;
  stop(): void;
}

export interface InstallOptions {
  readonly pin?: WheelPin;
  readonly cache?: string;
  /** A wheel file on this machine, in place of the download. */
  readonly from?: string;
  /** Installs even if the engine is there already. */
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
  /** False when the engine was there already. */
  readonly fresh: boolean;
}

const stagingPrefix = '.staging-';
const spareBytes = 128 * 2 ** 20;

/** What is installed: where it goes, what of it is there already, and how it is made in a staging folder. */
export interface Installation {
  readonly folder: string;
  /** Free bytes that making it takes. */
  readonly bytes: number;
  present(): Manifest | undefined;
  /** Fills `staging/engine`, which becomes `folder`; whatever else it leaves in `staging` is thrown away. */
  make(staging: string): Promise<Manifest>;
}

/**
 * Installs the pinned engine into the cache. A killed installation leaves nothing that counts as an engine; of several
 * at once one works and the others wait for it. Throws `EngineError`: platform, python3/pip, space, network, checksum.
 */
export async function installEngine(options: InstallOptions = {}): Promise<InstalledEngine> {
  const pin = options.pin ?? tensorflowCpu;
  const cache = cacheFolder(options.cache, options.environment);
  requirePlatform(options.platform ?? thisPlatform(), pin);
  return publishInstallation(
    {
      folder: engineFolder(cache, pin),
      bytes: (options.from === undefined ? pin.wheelBytes : 0) + unpackedBytes(pin) + spareBytes,
      present: () => installedManifest(cache, pin),
      make: async staging => {
        const wheel = await obtainWheel(pin, staging, options);
        options.listener?.note('Checking its sha256 …');
        await requireChecksum(pin, wheel, options.from !== undefined);
        return unpack(pin, wheel, staging, options.listener);
      },
    },
    cache,
    options,
  );
}

/** Makes an installation under the cache's lock and puts it in place by a rename. Throws `EngineError`. */
export async function publishInstallation(
  installation: Installation,
  cache: string,
  options: InstallOptions,
): Promise<InstalledEngine> {
  const { folder } = installation;
  const present = installation.present();
  if (present && !options.force) return { folder, manifest: present, fresh: false };
  try {
    mkdirSync(enginesFolder(cache), { recursive: true });
    const lock = join(enginesFolder(cache), '.install.lock');
    const onWait = (holder: string) =>
      options.listener?.note(`Another installation is at work (${holder}); waiting for it …`);
    return await withLock(lock, onWait, async waited => {
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
  // The lock is ours, so whatever staging folders there are belong to dead installations.
  for (const name of readdirSync(engines)) {
    if (name.startsWith(stagingPrefix)) rmSync(join(engines, name), { recursive: true, force: true });
  }
  requireSpace(bytes, engines, options);
  const staging = mkdtempSync(join(engines, stagingPrefix));
  try {
    const manifest = await make(staging);
    publish(join(staging, 'engine'), folder, staging);
    return manifest;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function obtainWheel(pin: WheelPin, staging: string, options: InstallOptions): Promise<string> {
  const { listener } = options;
  const onDisk = `${megabytes(unpackedBytes(pin))} on disk`;
  if (options.from !== undefined) {
    const wheel = resolve(options.from);
    if (!statSync(wheel, { throwIfNoEntry: false })?.isFile()) {
      throw new EngineError('The wheel file is not there.', {
        where: wheel,
        next: `Give --from the path of ${pin.wheel}, or leave it out to download the wheel.`,
      });
    }
    listener?.note(`Installing ${pin.name} ${pin.version} from ${basename(wheel)} (${onDisk}).`);
    return wheel;
  }
  const environment = options.environment ?? process.env;
  const pip = findPip(environment);
  listener?.note(
    `Downloading ${pin.name} ${pin.version} with pip: ${megabytes(pin.wheelBytes)}, then ${onDisk} in ${engineFolder(cacheFolder(options.cache, environment), pin)}`,
  );
  const shown = (bytes: number) => ({ download: `${Math.round(bytes / 1e6)}/${megabytes(pin.wheelBytes)}` });
  listener?.start(pin.wheelBytes, shown(0));
  try {
    const wheel = await downloadWheel(pip, pin, staging, environment, bytes => listener?.update(bytes, shown(bytes)));
    listener?.update(pin.wheelBytes, shown(pin.wheelBytes));
    return wheel;
  } finally {
    listener?.stop();
  }
}

async function requireChecksum(pin: WheelPin, wheel: string, local: boolean): Promise<void> {
  const found = await sha256OfFile(wheel);
  if (found === pin.sha256) return;
  throw new EngineError(`The wheel is not the pinned one: sha256 ${found}, expected ${pin.sha256}.`, {
    where: local ? wheel : basename(wheel),
    next: local
      ? `Give --from the file ${pin.wheel} as published in the Python package index.`
      : 'Run it again; if it persists, your index or proxy serves another file than the official one.',
  });
}

async function unpack(pin: WheelPin, wheel: string, staging: string, listener?: InstallListener): Promise<Manifest> {
  const target = join(staging, 'engine');
  mkdirSync(target);
  const directory = readWheelDirectory(wheel);
  const files: Record<string, number> = {};
  listener?.note(`Unpacking ${pin.members.length} files …`);
  for (const { path, bytes } of pin.members) {
    const member = directory.get(path);
    if (member?.bytes !== bytes) {
      throw faultyPin(wheel, path, `has ${member?.bytes ?? 'no'} bytes, expected ${bytes}`);
    }
    await extractMember(wheel, member, join(target, basename(path)));
    files[basename(path)] = bytes;
  }
  for (const path of pin.headers ?? []) {
    const member = directory.get(path);
    if (member === undefined) throw faultyPin(wheel, path, 'is not there');
    const name = headerPath(path);
    mkdirSync(join(target, dirname(name)), { recursive: true });
    await extractMember(wheel, member, join(target, name));
    files[name] = member.bytes;
  }
  const manifest: Manifest = {
    name: pin.name,
    version: pin.version,
    wheel: pin.wheel,
    sha256: pin.sha256,
    files,
    installed: new Date().toISOString(),
  };
  writeFileAtomic(join(target, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

function faultyPin(wheel: string, path: string, what: string): EngineError {
  return new EngineError(`The wheel's ${path} ${what}.`, {
    where: wheel,
    next: 'This is a fault of the pin, not of your machine: please report it.',
  });
}

/** Puts the finished folder in place; an older one moves into the staging folder, which is removed afterwards. */
function publish(finished: string, final: string, staging: string): void {
  if (statSync(final, { throwIfNoEntry: false })) renameSync(final, join(staging, 'replaced'));
  renameSync(finished, final);
  const folder = openSync(dirname(final), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function requireSpace(needed: number, folder: string, options: InstallOptions): void {
  const free = (options.freeBytes ?? freeBytesOf)(folder);
  if (free >= needed) return;
  throw new EngineError(`The engine needs ${megabytes(needed)} of free disk space, and there are ${megabytes(free)}.`, {
    where: folder,
    next: 'Free some space, or put the cache on another disk: gala engine install --cache DIR (and set GALA_CACHE=DIR).',
  });
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function diskError(error: NodeJS.ErrnoException, cache: string): unknown {
  if (error.code === undefined || error.syscall === undefined) return error;
  return new EngineError(`The engine could not be installed: ${error.message}.`, {
    where: cache,
    next:
      error.code === 'ENOSPC' || error.code === 'EDQUOT'
        ? 'Free some space, or put the cache on another disk: gala engine install --cache DIR.'
        : 'Check the permissions of the cache folder, or choose another: gala engine install --cache DIR.',
    cause: error,
  });
}

/** A size as people read it, in MB of a million bytes. */
export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : `${Math.round(bytes / 1e6)} MB`;
}
