/**
 * Koffi, the library through which native code is called. The rest of gala takes it from here (Biome sees to that):
 * Koffi takes settings only before the first library is loaded in a process.
 */
import koffi from 'koffi';

export type { LibraryHandle, TypeObject } from 'koffi';

/**
 * Koffi runs a call on a stack of its own, by default 128 KiB for an asynchronous call. Libraries are written for the
 * 8 MiB that Linux gives a thread: XLA takes 300 KiB to compile for a GPU, together with cuDNN, which it asks for the
 * engines of a convolution. Pages that no call touches take no memory.
 */
const stackBytes = 8 * 2 ** 20;

koffi.config({ sync_stack_size: stackBytes, async_stack_size: stackBytes });

export { koffi };
