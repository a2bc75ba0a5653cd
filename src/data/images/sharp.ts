/** Loads sharp, which decodes image files, with the first image file. */
import type sharpFunction from 'sharp';
import { loadOptionalPackage } from '../../io/optionalPackage.js';

let loaded: typeof sharpFunction | undefined;

/** sharp's function. Throws `EngineError` as `requireSharp`. */
export function sharp(...parameters: Parameters<typeof sharpFunction>): ReturnType<typeof sharpFunction> {
  loaded ??= load();
  return loaded(...parameters);
}

/** Throws `EngineError` where sharp, or its binary for this platform, is not installed. */
export function requireSharp(): void {
  loaded ??= load();
}

/** Version of sharp. Throws `EngineError` as `requireSharp`. */
export function sharpVersion(): string {
  loaded ??= load();
  return loaded.versions.sharp ?? 'unknown';
}

function load(): typeof sharpFunction {
  const library = loadOptionalPackage<typeof sharpFunction>('sharp', 'which reads image files');
  // These settings hold for the process and all its threads. One thread decodes each image, because the workers use the
  // other cores. libvips' cache of operations would only take memory, because no image is read twice in a row.
  library.concurrency(1);
  library.cache(false);
  return library;
}
