/**
 * Koffi, the library through which native code is called. The rest of gala takes it from here: Koffi takes settings
 * only before the first library is loaded in a process, and where its binary is missing the error says how to get it.
 */
import { createRequire } from 'node:module';
import { missingPackage } from './missingPackage.js';

export type { LibraryHandle, TypeObject } from 'koffi';

/**
 * Koffi runs a call on a stack of its own, by default 128 KiB for an asynchronous call. Libraries are written for the 8
 * MiB that Linux gives a thread: XLA compiling for a GPU takes 350 KiB together with cuDNN, which it asks for the
 * engines of a convolution. Pages that no call touches take no memory.
 */
const stackBytes = 8 * 2 ** 20;

type Koffi = typeof import('koffi').default;

let loaded: Koffi | undefined;

/** Koffi, which takes 17 ms to load: with the first call. Throws `EngineError` where its binary is missing. */
export function loadKoffi(): Koffi {
  if (loaded) return loaded;
  try {
    loaded = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw missingPackage('koffi, which calls the engines', cause);
  }
  loaded.config({ sync_stack_size: stackBytes, async_stack_size: stackBytes });
  return loaded;
}
