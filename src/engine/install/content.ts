/**
 * Compares the engines in the cache byte for byte with what was installed. Loading an engine checks only the sizes of
 * its files.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256OfFile } from '../../io/hash.js';
import {
  addonFolder,
  engineFolder,
  installedAddon,
  installedManifest,
  installedOperations,
  operationsFolder,
} from './cache.js';
import { cudaPins } from './cuda.js';
import { targetOf, tensorflowCpu, type WheelPin, wheelsOf, xlaCpu } from './pin.js';

export interface CheckedEngine {
  /** Name and version. */
  readonly name: string;
  readonly folder: string;
  /** `unknown`: a version of gala that stored no checksum installed it. */
  readonly content: 'unchanged' | 'changed' | 'unknown';
  /** The command that installs it again. */
  readonly install: string;
}

/**
 * Reads every engine in the cache. The expected checksums are those of gala's pins; for what is compiled here, those of
 * its manifest.
 */
export async function checkContents(cache: string, pinned = pinnedEngines()): Promise<CheckedEngine[]> {
  const checked: CheckedEngine[] = [];
  for (const { pin, install } of pinned) {
    if (!installedManifest(cache, pin)) continue;
    const folder = engineFolder(cache, pin);
    checked.push({ name: `${pin.name}-${pin.version}`, folder, content: await contentOf(pin, folder), install });
  }
  for (const { manifest, folder, install } of compiledEngines(cache)) {
    if (manifest === undefined) continue;
    const found = await contentSha256(folder, Object.keys(manifest.files));
    const content = compare(manifest.content_sha256, found);
    checked.push({ name: `${manifest.name}-${manifest.version}`, folder, content, install });
  }
  return checked;
}

/**
 * sha256 (hex) of the lines that `sha256sum` prints in `folder` for `files`. `placeOf` maps a file to its path there.
 */
export async function contentSha256(
  folder: string,
  files: readonly string[],
  placeOf = (file: string) => file,
): Promise<string> {
  const lines = createHash('sha256');
  for (const file of files) lines.update(`${await sha256OfFile(join(folder, placeOf(file)))}  ${file}\n`);
  return lines.digest('hex');
}

/** What is compiled on this machine. */
function compiledEngines(cache: string) {
  return [
    { manifest: installedAddon(cache), folder: addonFolder(cache), install: 'gala engine install --eager --force' },
    { manifest: installedOperations(cache), folder: operationsFolder(cache), install: 'gala engine install --force' },
  ];
}

/** The engines that are installed from wheels. */
function pinnedEngines(): { pin: WheelPin; install: string }[] {
  const cuda = ([13, 12] as const).flatMap(major => {
    const install = `gala engine install --cuda ${major} --force`;
    const pin = cudaPins[major];
    return [
      { pin, install },
      { pin: { ...pin, companions: [] }, install: `${install} --system-cuda` },
    ];
  });
  return [
    { pin: tensorflowCpu, install: 'gala engine install --force' },
    { pin: xlaCpu, install: 'gala engine install --xla-cpu --force' },
    ...cuda,
  ];
}

async function contentOf(pin: WheelPin, folder: string): Promise<CheckedEngine['content']> {
  for (const wheel of wheelsOf(pin)) {
    const paths = wheel.members.map(({ path }) => path);
    const found = await contentSha256(folder, paths, path => targetOf(pin, path));
    const content = compare(wheel.contentSha256, found);
    if (content !== 'unchanged') return content;
  }
  return 'unchanged';
}

function compare(expected: string | undefined, found: string): CheckedEngine['content'] {
  return expected === undefined ? 'unknown' : found === expected ? 'unchanged' : 'changed';
}
