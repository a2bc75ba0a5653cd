/**
 * Compiled programs on disk, so that the next run of the same experiment starts at once. An entry is found by the hash
 * of everything that decides it: module, plugin, device, options. It is checked before the plugin sees it; a damaged
 * one, or one that the plugin refuses, is compiled again and replaced.
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

/** First line of an entry; the second is the sha256 of the rest, which is the plugin's own serialisation. */
const format = 'gala compiled program 1';
const headBytes = format.length + 1 + 64 + 1;
/** A temporary file of that age belongs to a write that was killed. */
const abandonedMilliseconds = 24 * 3600 * 1000;
/** Beyond this the entries that were not used for the longest time are removed. */
const largestCacheBytes = 2 ** 30;

export type Outcome = 'loaded' | 'compiled';

/**
 * The compiled module, from the folder where it is there whole, else compiled and kept there. Throws `EngineError` as
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
      // The plugin does not take what it once wrote: it is compiled again.
    }
  }
  const executable = await client.compile(text, devices);
  keep(client, executable, path, folder);
  return { executable, outcome: 'compiled' };
}

/** The client, its programs compiled through the cache in a folder. */
export function withCompileCache(api: Pjrt, client: Client, folder: string): Client {
  const identity = compilerIdentity(api, client);
  return {
    ...client,
    compile: async (text, devices) => (await compileCached(client, text, identity, folder, devices)).executable,
  };
}

/**
 * What a compiled program depends on beside its module and the compile options: plugin, its settings, the device and
 * its libraries.
 */
export function compilerIdentity(api: Pjrt, client: Client): string {
  const { size, mtimeMs } = statSync(api.path);
  const { platform, platformVersion, devices } = client;
  // A program for CPUs uses the instructions of this one, and is laid out for its number of threads.
  const cpu = platform === 'cpu' ? [cpuFlags(), process.env.NPROC ?? usableCores()] : [];
  return JSON.stringify([
    [api.version, size, mtimeMs, process.env.XLA_FLAGS ?? ''],
    [platform, platformVersion, devices.map(({ kind }) => kind)],
    api.cuda === undefined ? {} : algorithmVersions(api.cuda),
    cpu,
  ]);
}

/** Bytes; compiled networks have some megabytes. */
const largestEntry = 2 ** 30;

/** The stored bytes; undefined for an entry that is not there, of another format, cut short or changed. */
function readEntry(path: string): Uint8Array | undefined {
  try {
    const bytes = readRegularFile(path, largestEntry);
    const [first, checksum] = bytes.toString('latin1', 0, headBytes).split('\n');
    const rest = bytes.subarray(headBytes);
    return first === format && checksum === sha256(rest) ? rest : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A cache that cannot be written, or a plugin that cannot store its programs, only costs the next start some seconds.
 */
function keep(client: Client, executable: Address, path: string, folder: string): void {
  try {
    const bytes = client.serialize(executable);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    refuseLinksBelow(dirname(folder), basename(folder));
    writeFileAtomic(path, `${format}\n${sha256(bytes)}\n`, bytes);
    prune(folder);
  } catch {
    // as said above
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // A cache that is only read: its entries keep their age.
  }
}

/** Removes the entries that were not used for the longest time until the rest takes `largest` bytes or less. */
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
