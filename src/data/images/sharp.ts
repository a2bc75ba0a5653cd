/** sharp, which decodes image files; loaded with the first of them, so that sets without image files do without. */
import type sharpFunction from 'sharp';
import { loadOptionalPackage } from '../../io/optionalPackage.js';

let loaded: typeof sharpFunction | undefined;

/** As sharp's own function. Throws `EngineError` as `requireSharp`. */
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
  // For this process and its threads: each image is decoded by one thread while the workers use the other cores, and no
  // image is read twice in a row, so libvips' cache of operations would only hold memory.
  library.concurrency(1);
  library.cache(false);
  return library;
}
