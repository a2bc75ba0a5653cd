/** What this machine offers: processor, memory, disk, GPUs, and the software that gala stands on. */
import { existsSync, readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { sharpVersion } from '../data/images/sharp.js';
import { askGpuDriver, type GpuAnswer } from '../engine/gpu.js';
import { thisPlatform } from '../engine/install/platform.js';
import { EngineError } from '../errors.js';
import { cacheFolder } from '../io/cacheFolder.js';
import { freeBytesOf } from '../io/staging.js';
import { cpuFlags } from '../machine/cpu.js';
import { memoryLimits } from '../machine/memory.js';
import { describeHost, describeVersions, type Host, type Versions } from '../run/host.js';

interface Disk {
  readonly holds: string;
  readonly path: string;
  readonly free_bytes: number;
}

export interface MachineReport {
  readonly versions: Versions;
  readonly host: Omit<Host, 'name'>;
  /** Version of the GNU C library; null where the C library is another one. */
  readonly glibc: string | null;
  /** Those that decide which code runs and whether bf16 pays. */
  readonly cpu_features: readonly string[];
  readonly memory_available_bytes: number;
  /** The narrowest limit of the container, the batch job or `ulimit -v`; null without any. */
  readonly memory_limit_bytes: number | null;
  readonly disks: readonly Disk[];
  /** What decodes image files; sets without such files do without it. */
  readonly images: { readonly sharp: string } | { readonly missing: string; readonly next: string };
  readonly gpu: GpuAnswer;
}

const featuresOfInterest = ['avx', 'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16'];

export async function describeMachine(environment: NodeJS.ProcessEnv = process.env): Promise<MachineReport> {
  const { name: _, ...host } = describeHost();
  const limits = memoryLimits();
  return {
    versions: describeVersions(),
    host,
    glibc: thisPlatform().glibc ?? null,
    cpu_features: cpuFeatures(),
    memory_available_bytes: Math.min(availableMemory(), ...limits.map(({ freeBytes }) => freeBytes)),
    memory_limit_bytes: limits.length > 0 ? Math.min(...limits.map(({ limitBytes }) => limitBytes)) : null,
    disks: [
      { holds: 'engines', ...freeSpace(cacheFolder(undefined, environment)) },
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

/** What programs can still take, caches of files given back; the free memory alone would tell too little. */
function availableMemory(): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB$/m.exec(readOrEmpty('/proc/meminfo'))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}

/** Free bytes where a folder is, or will be made. */
function freeSpace(folder: string): { path: string; free_bytes: number } {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = dirname(existing);
  return { path: folder, free_bytes: freeBytesOf(existing) };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
