/** Opens shared libraries for good: they stay until the process ends. */
import { type LibraryHandle, loadKoffi } from './koffi.js';

// RTLD_NOW | RTLD_NODELETE: without the latter Node crashes at exit, when a library's threads outlive its code.
const openFlags = 0x2 | 0x1000;
const global = 0x100;

/**
 * The library at a path, or found by the loader where the name has no slash. `shared` lets libraries that are opened
 * later use its symbols. Throws the loader's own reason as `Error`.
 */
export function openLibrary(path: string, { shared = false } = {}): LibraryHandle {
  const koffi = loadKoffi();
  const libc = koffi.load('libc.so.6');
  const dlopen = libc.func('void* dlopen(const char*, int)');
  const dlerror = libc.func('const char* dlerror()');
  if (!dlopen(path, shared ? openFlags | global : openFlags)) throw new Error(dlerror());
  return koffi.load(path);
}
