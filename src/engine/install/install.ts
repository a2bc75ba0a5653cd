/**
 * `gala engine install`: downloads the pinned wheels of an engine, checks their checksums, and unpacks the few files
 * that are needed into the cache.
 */
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/homePath.js';
import type { ZipMember } from '../../io/zip.js';
import { engineFolder, headerPath, installedManifest, type Manifest, manifestName } from './cache.js';
import { downloadFolder, downloadWheel, findPip, requireSha256 } from './download.js';
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
import { type InstalledEngine, type InstallOptions, megabytes, publishInstallation } from './publish.js';
import { extractMember, readWheelDirectory } from './wheelFile.js';

const spareBytes = 128 * 2 ** 20;

/**
 * Installs a pinned engine into the cache. A killed installation leaves nothing that counts as an engine. Of several
 * installations at once one works and the others wait for it. Throws `EngineError`: platform, python3/pip, space,
 * network, checksum.
 */
export async function installEngine(options: InstallOptions = {}): Promise<InstalledEngine> {
  const pin = options.pin ?? tensorflowCpu;
  const cache = cacheFolder(options.cache, options.environment);
  const folder = engineFolder(cache, pin);
  requirePlatform(options.platform ?? thisPlatform(), pin);
  return publishInstallation(
    {
      folder,
      bytes: (options.from === undefined ? largestWheelBytes(pin) : 0) + unpackedBytes(pin) + spareBytes,
      present: () => installedManifest(cache, pin),
      make: async staging => {
        announce(pin, folder, options);
        return fetchAndUnpack(pin, join(staging, 'engine'), staging, options);
      },
    },
    cache,
    options,
  );
}

/** Notes what is fetched and how large it is. */
function announce(pin: WheelPin, folder: string, { from, listener }: InstallOptions): void {
  const engine = `${pin.name} ${pin.version}`;
  const onDisk = `${megabytes(unpackedBytes(pin))} on disk`;
  if (from !== undefined) {
    listener?.note(`Installing ${engine} from ${basename(from)} (${onDisk}).`);
    return;
  }
  listener?.note(`Downloading ${engine} with pip: ${megabytes(downloadBytes(pin))}, then ${onDisk} in ${folder}`);
  for (const { name, version, wheelBytes } of pin.companions ?? [])
    listener?.note(`  with ${name} ${version}, ${megabytes(wheelBytes)}`);
}

/** Each wheel is removed before the next one is downloaded: all of them at once would take twice the disk space. */
async function fetchAndUnpack(
  pin: WheelPin,
  target: string,
  staging: string,
  options: InstallOptions,
): Promise<Manifest> {
  const { from, listener } = options;
  const files: Record<string, number> = {};
  mkdirSync(target);
  for (const wheelPin of wheelsOf(pin)) {
    const wheel = from === undefined ? await download(wheelPin, staging, options) : givenWheel(from, wheelPin);
    listener?.note(`Checking the sha256 of ${wheelPin.wheel} …`);
    await requireSha256('wheel', wheel, wheelPin.sha256, {
      where: from === undefined ? basename(wheel) : wheel,
      next:
        from === undefined
          ? 'Run it again; if it persists, your index or proxy serves another file than the official one.'
          : `Give --from the file ${wheelPin.wheel} as published in the Python package index.`,
    });
    const count = wheelPin.members.length;
    listener?.note(`Unpacking ${count} ${count === 1 ? 'file' : 'files'} …`);
    Object.assign(files, await unpack(pin, wheelPin, wheel, target));
    rmSync(join(staging, downloadFolder), { recursive: true, force: true });
  }
  const { name, version, wheel } = pin;
  const manifest = { name, version, wheel, sha256: checksumOf(pin), files, installed: new Date().toISOString() };
  writeFileAtomic(join(target, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** The wheel that `--from` gives: a file, or a file in the given folder. */
function givenWheel(from: string, pin: WheelPin): string {
  const given = resolve(from);
  const wheel = statSync(given, { throwIfNoEntry: false })?.isDirectory() ? join(given, pin.wheel) : given;
  if (statSync(wheel, { throwIfNoEntry: false })?.isFile()) return wheel;
  throw new EngineError('The wheel file does not exist.', {
    where: wheel,
    next: `Give --from the path of ${pin.wheel}, or leave it out to download the wheel.`,
  });
}

async function download(pin: WheelPin, staging: string, options: InstallOptions): Promise<string> {
  const { listener, environment = process.env } = options;
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

/** Unpacks the kept members and headers of one wheel. Returns their sizes by path in the engine's folder. */
async function unpack(
  pin: WheelPin,
  { members, headers = [] }: WheelPin,
  wheel: string,
  target: string,
): Promise<Record<string, number>> {
  const directory = readWheelDirectory(wheel);
  const files: Record<string, number> = {};
  const extract = async (member: ZipMember, path: string) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    await extractMember(wheel, member, join(target, path));
    // A wheel marks programs (CUDA's ptxas) by permissions, which extractMember does not set.
    if (basename(dirname(path)) === 'bin') chmodSync(join(target, path), 0o755);
    files[path] = member.bytes;
  };
  for (const { path, bytes } of members) {
    const member = directory.get(path);
    if (member?.bytes !== bytes) {
      throw faultyPin(wheel, path, `has ${member?.bytes ?? 'no'} bytes, expected ${bytes}`);
    }
    await extract(member, targetOf(pin, path));
  }
  for (const path of headers) {
    const member = directory.get(path);
    if (member === undefined) throw faultyPin(wheel, path, 'is not there');
    await extract(member, headerPath(path));
  }
  return files;
}

function faultyPin(wheel: string, path: string, what: string): EngineError {
  return new EngineError(`The wheel's ${path} ${what}.`, {
    where: wheel,
    next: 'This is a fault of the pin, not of your machine: please report it.',
  });
}
