/** Describes this machine: processor, memory, disks, GPUs, and the software that gala uses. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { sharpVersion } from '../data/images/sharp.js';
import { askGpuDriver, type GpuAnswer } from '../engine/gpu.js';
import { thisPlatform } from '../engine/install/platform.js';
import { EngineError } from '../errors.js';
import { cacheFolder } from '../io/homePath.js';
import { freeBytesOf } from '../io/staging.js';
import { cpuFlags } from '../machine/cpu.js';
import { availableMemory, memoryLimits } from '../machine/memory.js';
import { describeHost, describeVersions, type Host, type Versions } from '../run/host.js';

interface Disk {
  readonly holds: string;
  readonly path: string;
  readonly free_bytes: number;
}

export interface MachineReport {
  readonly versions: Versions;
  readonly host: Omit<Host, 'name'>;
  /** Version of the GNU C library; null on a system with another C library. */
  readonly glibc: string | null;
  /** The features that decide which code runs and whether bf16 is faster than fp32. */
  readonly cpu_features: readonly string[];
  readonly memory_available_bytes: number;
  /** The tightest limit of the container, the batch job or `ulimit -v`; null without a limit. */
  readonly memory_limit_bytes: number | null;
  readonly disks: readonly Disk[];
  /** The library that decodes image files; datasets without image files do not need it. */
  readonly images: { readonly sharp: string } | { readonly missing: string; readonly next: string };
  readonly gpu: GpuAnswer;
}

const featuresOfInterest = ['avx', 'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16'];

export async function describeMachine(): Promise<MachineReport> {
  const { name: _, ...host } = describeHost();
  const limits = memoryLimits();
  return {
    versions: describeVersions(),
    host,
    glibc: thisPlatform().glibc ?? null,
    cpu_features: cpuFeatures(),
    memory_available_bytes: availableMemory(),
    memory_limit_bytes: limits.length > 0 ? Math.min(...limits.map(({ limitBytes }) => limitBytes)) : null,
    disks: [
      { holds: 'engines', ...freeSpace(cacheFolder()) },
      { holds: 'this folder', ...freeSpace(process.cwd()) },
    ],
    images: imageLibrary(),
    gpu: await askGpuDriver(),
  };
}

function imageLibrary(): MachineReport['images'] {
  try {
    return { sharp: sharpVersion() };
  } catch (error) {
    if (error instanceof EngineError) return { missing: error.message, next: error.next! };
    throw error;
  }
}

function cpuFeatures(): string[] {
  const flags = new Set(cpuFlags());
  return featuresOfInterest.filter(feature => flags.has(feature));
}

/** Free bytes on the disk of a folder, which need not exist yet. */
function freeSpace(folder: string): { path: string; free_bytes: number } {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = dirname(existing);
  return { path: folder, free_bytes: freeBytesOf(existing) };
}
