/**
 * The user's cache, which all checkouts share: where engines and compiled programs lie, and whether an engine is whole.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../io/hash.js';
import { largestText, readRegularText } from '../../io/regularFile.js';
import { addonPackage, checksumOf, operationsSource, targetOf, type WheelPin, wheelsOf } from './pin.js';

/** A relative path that does not leave its folder: no part of it is `.` or `..`. */
const insideFolder = /^(?!\/)(?!(.*\/)?\.{1,2}(\/|$)).+$/;

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  wheel: z.string(),
  sha256: z.string(),
  /** Size in bytes of every file of the engine. */
  files: z.record(z.string().regex(insideFolder), z.number()),
  /** `contentSha256` of the files of an engine that was compiled here. Earlier versions of gala did not write it. */
  content_sha256: z.string().optional(),
  installed: z.string(),
});

/** What an installed engine consists of; the file `manifest.json` in its folder. */
export type Manifest = z.infer<typeof manifestSchema>;
export const manifestName = 'manifest.json';

/** The folder with one sub-folder per installed engine. */
export function enginesFolder(cache: string): string {
  return join(cache, 'engines');
}

/** The folder of the pinned engine in the cache, installed or not. */
export function engineFolder(cache: string, pin: WheelPin): string {
  return join(enginesFolder(cache), `${pin.name}-${pin.version}`);
}

/** The folder of tfjs-node-gpu in the cache, installed or not. */
export function addonFolder(cache: string): string {
  return join(enginesFolder(cache), `tfjs-node-gpu-${addonPackage.version}`);
}

/** The manifest in a folder; undefined where there is none that can be read. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    return manifestSchema.parse(JSON.parse(readRegularText(join(folder, manifestName), largestText)));
  } catch {
    return undefined;
  }
}

/**
 * The manifest of the pinned engine; undefined unless it was installed from the pinned wheels and all files are whole.
 */
export function installedManifest(cache: string, pin: WheelPin): Manifest | undefined {
  const manifest = wholeManifest(engineFolder(cache, pin), checksumOf(pin));
  const expected = wheelsOf(pin).flatMap(({ members }) => members.map(({ path }) => targetOf(pin, path)));
  return manifest && expected.every(name => name in manifest.files) ? manifest : undefined;
}

/** The manifest of tfjs-node-gpu; undefined unless it was made from the pinned package and all files are whole. */
export function installedAddon(cache: string): Manifest | undefined {
  return wholeManifest(addonFolder(cache), addonPackage.sha256);
}

let sourceSha256: string | undefined;

/** sha256 of the source code of gala's own operations with the options of the compiler. Read once per process. */
export function operationsSha256(): string {
  const { folder, options, libraries } = operationsSource;
  const texts = () =>
    readdirSync(folder)
      .filter(name => /\.(cc|h)$/.test(name))
      .sort()
      .map(name => readFileSync(join(folder, name), 'utf8'));
  sourceSha256 ??= sha256([...options, JSON.stringify(libraries), ...texts()].join('\n'));
  return sourceSha256;
}

/** The folder of gala's own operations in the cache; another source code has another folder. */
export function operationsFolder(cache: string): string {
  return join(enginesFolder(cache), `operations-${operationsVersion()}`);
}

/** A number, as the versions of other engines begin with one. */
export function operationsVersion(): string {
  return String(Number.parseInt(operationsSha256().slice(0, 8), 16));
}

/** The manifest of gala's own operations; undefined unless they were made from this source code and are whole. */
export function installedOperations(cache: string): Manifest | undefined {
  return wholeManifest(operationsFolder(cache), operationsSha256());
}

/** The manifest in a folder; undefined where its checksum is another one, or a file is missing or cut short. */
function wholeManifest(folder: string, sha256: string): Manifest | undefined {
  const manifest = readManifest(folder);
  if (manifest?.sha256 !== sha256) return undefined;
  const isWhole = Object.entries(manifest.files).every(
    ([name, bytes]) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes,
  );
  return isWhole ? manifest : undefined;
}

/** Where a header of the wheel lies in the engine's folder. */
export function headerPath(member: string): string {
  return member.slice(member.indexOf('include/'));
}

/** Whether the installed engine has its headers. Earlier versions of gala installed it without them. */
export function hasHeaders(cache: string, pin: WheelPin): boolean {
  const files = installedManifest(cache, pin)?.files ?? {};
  return (pin.headers ?? []).every(path => headerPath(path) in files);
}

/** The folder with the programs that the `xla` engine has compiled. */
export function compiledFolder(cache: string): string {
  return join(cache, 'compiled');
}

/** The file name of a compiled program in that folder; `hash` is 64 hexadecimal digits. */
export const compiledName = (hash: string) => `${hash}.xla`;

/** Names of gala's own files in that folder: whole programs, and temporary files of writes that were killed. */
export function compiledNames(folder: string): string[] {
  return readdirSync(folder).filter(name => /^[0-9a-f]{64}\.xla(\.[0-9a-f]{12}\.tmp)?$/.test(name));
}

/** Sizes in bytes of all files below a folder. Files that another process removes meanwhile are left out. */
export function fileSizes(folder: string): number[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return fileSizes(path);
    return entry.isFile() ? [statSync(path, { throwIfNoEntry: false })?.size ?? 0] : [];
  });
}

/** Bytes of all files below a folder, as `fileSizes`. */
export function bytesBelow(folder: string): number {
  return fileSizes(folder).reduce((sum, bytes) => sum + bytes, 0);
}
