/** What was found when images were decoded, remembered per file until its size or time changes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../io/hash.js';
import { cacheFolder } from '../../io/homePath.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { readSafetensors, writeSafetensors } from '../../io/safetensors.js';
import { sharedBytes, sharedInt32 } from '../dataset.js';
import type { ImageFiles } from '../files/imageFiles.js';

export interface VerifiedFiles {
  /** `[N]` codes of `verdict.ts`, over shared memory. */
  readonly verdicts: Uint8Array;
  /** `[N, 3]` stamps of the files they were said of. */
  readonly stamps: Int32Array;
  /** `[N, 2]` 64 bits of a hash of the bytes of each; zeros where they were not read. */
  readonly digests: Int32Array;
}

/** What is remembered of these files in these folders; nothing where the memory is missing or damaged. */
export function recallVerified(files: ImageFiles, environment?: NodeJS.ProcessEnv): VerifiedFiles {
  const memory = emptyMemory(files.length);
  const path = memoryPath(files, environment);
  if (!existsSync(path)) return memory;
  try {
    const { verdicts, stamps, digests } = readSafetensors(path).tensors;
    // Memories of earlier versions have no digests: their images are checked again.
    memory.digests.set(digests!.data);
    memory.stamps.set(stamps!.data);
    memory.verdicts.set(verdicts!.data);
    return memory;
  } catch {
    return emptyMemory(files.length); // checked again
  }
}

function emptyMemory(length: number): VerifiedFiles {
  return { verdicts: sharedBytes(length), stamps: sharedInt32(3 * length), digests: sharedInt32(2 * length) };
}

/**
 * Writes them down, atomically. Throws `StorageError`, and the system's error where the cache's folder cannot be made.
 */
export function rememberVerified(files: ImageFiles, memory: VerifiedFiles, environment?: NodeJS.ProcessEnv): void {
  const path = memoryPath(files, environment);
  makeFolderBelow(cacheFolder(undefined, environment), 'verified');
  writeSafetensors(path, {
    verdicts: { dtype: 'uint8', shape: [files.length], data: memory.verdicts },
    stamps: { dtype: 'int32', shape: [files.length, 3], data: memory.stamps },
    digests: { dtype: 'int32', shape: [files.length, 2], data: memory.digests },
  });
}

/** Where the memory of these files lies. */
export function memoryPath(files: ImageFiles, environment?: NodeJS.ProcessEnv): string {
  const key = sha256(files.fingerprint, '\n', files.table.folders.join('\n'));
  return join(cacheFolder(undefined, environment), 'verified', `${key}.safetensors`);
}
