/** `gala engine install`: pinned wheels → checksum → the few files that are needed → the per-user cache, atomically. */
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/cacheFolder.js';
import { sha256OfFile } from '../../io/hash.js';
import { engineFolder, headerPath, installedManifest, type Manifest, manifestName } from './cache.js';
import { downloadFolder, downloadWheel, findPip } from './download.js';
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
import { requirePlatform, thisPlatform } from './platform.js';
import {
  type InstalledEngine,
  type InstallListener,
  type InstallOptions,
  megabytes,
  publishInstallation,
} from './publish.js';
import { extractMember, readWheelDirectory } from './wheelFile.js';

const spareBytes = 128 * 2 ** 20;

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

/**
 * One wheel after the other, each removed before the next is fetched: several, and all that is in them, would take
 * twice the disk.
 */
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
