/**
 * The per-user cache of engines, shared by all checkouts: where it is, and which of its folders hold a whole engine.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { largestText, readRegularText } from '../../io/openedFile.js';
import { checksumOf, targetOf, type WheelPin, wheelsOf } from './pin.js';

/** A relative path that no part leads out of its folder. */
const insideFolder = /^(?!\/)(?!(.*\/)?\.{1,2}(\/|$)).+$/;

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  wheel: z.string(),
  sha256: z.string(),
  /** Size in bytes of every file of the engine. */
  files: z.record(z.string().regex(insideFolder), z.number()),
  /**
   * `contentSha256` of the files, for an engine that was made here and so has none in its pin; absent in those of an
   * older gala.
   */
  content_sha256: z.string().optional(),
  installed: z.string(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export const manifestName = 'manifest.json';

/** The folder that holds one sub-folder per installed engine. */
export function enginesFolder(cache: string): string {
  return join(cache, 'engines');
}

/** The folder that holds what the `xla` engine compiled. */
export function compiledFolder(cache: string): string {
  return join(cache, 'compiled');
}

/** Where the pinned engine is, or will be, in the cache. */
export function engineFolder(cache: string, pin: WheelPin): string {
  return join(enginesFolder(cache), `${pin.name}-${pin.version}`);
}

/** What an engine's folder should hold; undefined for a folder that is none of an engine. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    return manifestSchema.parse(JSON.parse(readRegularText(join(folder, manifestName), largestText)));
  } catch {
    return undefined;
  }
}

/**
 * The manifest of a whole engine; undefined when the folder holds none, or one whose files are missing or cut short.
 */
export function wholeManifest(folder: string): Manifest | undefined {
  const manifest = readManifest(folder);
  if (manifest === undefined) return undefined;
  const whole = Object.entries(manifest.files).every(
    ([name, bytes]) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes,
  );
  return whole ? manifest : undefined;
}

/** The manifest of the pinned engine in the cache, provided that it came from the pinned wheels and is whole. */
export function installedManifest(cache: string, pin: WheelPin): Manifest | undefined {
  const manifest = wholeManifest(engineFolder(cache, pin));
  const expected = wheelsOf(pin).flatMap(({ members }) => members.map(({ path }) => targetOf(pin, path)));
  return manifest?.sha256 === checksumOf(pin) && expected.every(name => name in manifest.files) ? manifest : undefined;
}

/** Where a header of the wheel lies in the engine's folder. */
export function headerPath(member: string): string {
  return member.slice(member.indexOf('include/'));
}

/** True where the pinned engine in the cache has its headers; those installed before gala kept them have none. */
export function hasHeaders(cache: string, pin: WheelPin): boolean {
  const files = installedManifest(cache, pin)?.files ?? {};
  return (pin.headers ?? []).every(path => headerPath(path) in files);
}

/**
 * Sizes of all files below a folder. Files that vanish meanwhile are left out: another process may be at work in it.
 */
export function* fileSizes(folder: string): Generator<number> {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* fileSizes(path);
    else if (entry.isFile()) yield statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
