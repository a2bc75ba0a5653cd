/**
 * Calls native code with the library Koffi. All of gala loads Koffi here, because Koffi takes settings only before the
 * first native library of a process.
 */
import type { LibraryHandle } from 'koffi';
import { loadOptionalPackage } from './optionalPackage.js';

export type { LibraryHandle, TypeObject } from 'koffi';

/**
 * Koffi runs each call on a stack of its own, of 128 KiB for an asynchronous call by default. Libraries expect the 8
 * MiB that Linux gives a thread: XLA with cuDNN takes 350 KiB to compile for a GPU. Pages that no call touches take no
 * memory.
 */
const stackBytes = 8 * 2 ** 20;

type Koffi = typeof import('koffi').default;

let loaded: Koffi | undefined;

/** Loads Koffi with the first call, which takes 17 ms. Throws `EngineError` where its binary is missing. */
export function loadKoffi(): Koffi {
  if (loaded) return loaded;
  loaded = loadOptionalPackage<Koffi>('koffi', 'which calls the engines');
  loaded.config({ sync_stack_size: stackBytes, async_stack_size: stackBytes });
  return loaded;
}

// RTLD_NOW | RTLD_NODELETE: without the latter Node crashes at exit, when a library's threads outlive its code.
const openFlags = 0x2 | 0x1000;
// RTLD_GLOBAL
const globalFlag = 0x100;

/**
 * Opens the shared library at a path, or one that the loader finds where the name has no slash. It stays open until the
 * process ends. With `shared`, libraries that are opened later can use its symbols. Throws `Error` with the loader's
 * reason.
 */
export function openLibrary(path: string, { shared = false } = {}): LibraryHandle {
  const koffi = loadKoffi();
  const libc = koffi.load('libc.so.6');
  const dlopen = libc.func('void* dlopen(const char*, int)');
  const dlerror = libc.func('const char* dlerror()');
  if (!dlopen(path, shared ? openFlags | globalFlag : openFlags)) throw new Error(dlerror());
  return koffi.load(path);
}
