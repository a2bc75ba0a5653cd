/**
 * Keeps compiled programs on disk, so that the next run of the same experiment starts at once. The name of an entry is
 * a hash of everything that the compiled program depends on: module, plugin, device, options. The entry's checksum is
 * checked before the plugin gets the entry. A damaged entry, or an entry that the plugin refuses, is compiled again.
 */
import { mkdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { sha256 } from '../../io/hash.js';
import { refuseLinksBelow } from '../../io/makeFolder.js';
import { readRegularFile } from '../../io/regularFile.js';
import { cpuFlags, usableCores } from '../../machine/cpu.js';
import { compiledName, compiledNames } from '../install/cache.js';
import type { Address, Pjrt } from './cApi.js';
import type { Client } from './client.js';
import { algorithmVersions } from './cudaLibraries.js';

/**
 * First line of an entry. The second line is the sha256 of the rest, which is the program as the plugin serializes it.
 */
const format = 'gala compiled program 1';
const headBytes = format.length + 1 + 64 + 1;
/** A temporary file of this age belongs to a killed write. */
const abandonedMilliseconds = 24 * 3600 * 1000;
/** Above this size the least recently used entries are removed. */
const largestCacheBytes = 2 ** 30;

export type Outcome = 'loaded' | 'compiled';

/**
 * The compiled module: loaded from the folder, or else compiled and written to the folder. Throws `EngineError` as
 * `Client.compile`.
 */
export async function compileCached(
  client: Client,
  text: string,
  identity: string,
  folder: string,
  devices = 1,
): Promise<{ executable: Address; outcome: Outcome }> {
  const path = join(folder, compiledName(sha256(JSON.stringify([format, identity, text]))));
  const stored = readEntry(path);
  if (stored !== undefined) {
    try {
      const executable = await client.load(stored);
      touch(path);
      return { executable, outcome: 'loaded' };
    } catch {
      // The plugin refuses the entry: compile again.
    }
  }
  const executable = await client.compile(text, devices);
  store(client, executable, path, folder);
  return { executable, outcome: 'compiled' };
}

/** The client with a `compile` that uses the cache in a folder. */
export function withCompileCache(api: Pjrt, client: Client, folder: string): Client {
  const identity = compilerIdentity(api, client);
  return {
    ...client,
    compile: async (text, devices) => (await compileCached(client, text, identity, folder, devices)).executable,
  };
}

/**
 * A text of everything that a compiled program depends on besides its module and the number of devices: the plugin and
 * its settings, the kind of device, and libraries.
 */
export function compilerIdentity(api: Pjrt, client: Client): string {
  const { size, mtimeMs } = statSync(api.path);
  const { platform, platformVersion, devices } = client;
  // A program for CPUs uses the instructions of this CPU, and its layout depends on the number of threads.
  const cpu = platform === 'cpu' ? [cpuFlags(), process.env.NPROC ?? usableCores()] : [];
  return JSON.stringify([
    [api.version, size, mtimeMs, process.env.XLA_FLAGS ?? ''],
    [platform, platformVersion, devices.map(({ kind }) => kind)],
    api.cuda === undefined ? {} : algorithmVersions(api.cuda),
    cpu,
  ]);
}

/** The stored program; undefined for an entry that is missing, of another format, cut short or changed. */
function readEntry(path: string): Uint8Array | undefined {
  try {
    const bytes = readRegularFile(path, largestCacheBytes);
    const [first, checksum] = bytes.toString('latin1', 0, headBytes).split('\n');
    const rest = bytes.subarray(headBytes);
    return first === format && checksum === sha256(rest) ? rest : undefined;
  } catch {
    return undefined;
  }
}

/** Writes an entry. A failure is ignored: the next run only compiles again. */
function store(client: Client, executable: Address, path: string, folder: string): void {
  try {
    const bytes = client.serialize(executable);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    refuseLinksBelow(dirname(folder), basename(folder));
    writeFileAtomic(path, `${format}\n${sha256(bytes)}\n`, bytes);
    prune(folder);
  } catch {
    // The cache is read-only or full, or the plugin cannot serialize.
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The cache is read-only: its entries keep their age.
  }
}

/** Removes the least recently used entries until the rest takes at most `largest` bytes, and old temporary files. */
export function prune(folder: string, largest = largestCacheBytes): void {
  const files = compiledNames(folder)
    .map(name => ({ path: join(folder, name), ...sizeAndAge(join(folder, name)) }))
    .sort((a, b) => b.used - a.used);
  let kept = 0;
  for (const { path, bytes, used } of files) {
    const isWhole = path.endsWith('.xla');
    if (isWhole) kept += bytes;
    const isOver = isWhole ? kept > largest : Date.now() - used >= abandonedMilliseconds;
    if (isOver) rmSync(path, { force: true });
  }
}

function sizeAndAge(path: string): { bytes: number; used: number } {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { bytes: stats?.size ?? 0, used: stats?.mtimeMs ?? 0 };
}
