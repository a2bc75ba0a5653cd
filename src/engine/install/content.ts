/**
 * Whether the engines in the cache are byte for byte what was installed: a load looks at the sizes of their files only.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256OfFile } from '../../io/hash.js';
import { addonFolder, installedAddon } from './addonPin.js';
import { engineFolder, installedManifest } from './cache.js';
import { cudaPins } from './cuda.js';
import { targetOf, tensorflowCpu, type WheelPin, wheelsOf, xlaCpu } from './pin.js';

export interface CheckedEngine {
  /** Name and version. */
  readonly name: string;
  readonly folder: string;
  /** `unknown`: installed by a gala that kept no checksum of what it made. */
  readonly content: 'unchanged' | 'changed' | 'unknown';
  /** The command that installs it anew. */
  readonly install: string;
}

/**
 * Reads every engine in the cache and compares it with the checksums of gala's source, or (eager, compiled here) of its
 * manifest.
 */
export async function checkContents(cache: string, pinned = pinnedEngines()): Promise<CheckedEngine[]> {
  const checked: CheckedEngine[] = [];
  for (const { pin, install } of pinned) {
    if (!installedManifest(cache, pin)) continue;
    const folder = engineFolder(cache, pin);
    checked.push({ name: `${pin.name}-${pin.version}`, folder, content: await contentOf(pin, folder), install });
  }
  const addon = installedAddon(cache);
  if (addon) {
    const folder = addonFolder(cache);
    const content = compare(addon.content_sha256, await contentSha256(folder, Object.keys(addon.files)));
    checked.push({
      name: `${addon.name}-${addon.version}`,
      folder,
      content,
      install: 'gala engine install --eager --force',
    });
  }
  return checked;
}

/** sha256 (hex) of the lines that `sha256sum` prints in `folder` for `files`. */
export async function contentSha256(
  folder: string,
  files: readonly string[],
  placeOf = (file: string) => file,
): Promise<string> {
  const lines = createHash('sha256');
  for (const file of files) lines.update(`${await sha256OfFile(join(folder, placeOf(file)))}  ${file}\n`);
  return lines.digest('hex');
}

/** Engines of gala that come as wheels. */
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
