/** Asks NVIDIA's driver library for the GPUs that this process may use. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LibraryHandle } from '../io/koffi.js';

interface Gpu {
  /** For instance `NVIDIA H200`. */
  readonly name: string;
  readonly memoryBytes: number;
  /** Major and minor version, for instance 9.0 for Hopper. */
  readonly computeCapability: number;
}

export interface GpuDriver {
  /** Version of the kernel driver, for instance `580.65.06`; undefined where it is unknown. */
  readonly version: string | undefined;
  /** Highest CUDA version that the driver runs, for instance 13.0. */
  readonly cuda: number;
  /** At least one GPU, in CUDA's order, which CUDA_VISIBLE_DEVICES changes. */
  readonly gpus: readonly Gpu[];
}

/** The driver with its GPUs, or the reason why no GPU can be used. */
export type GpuAnswer = GpuDriver | { readonly missing: string };

// CUresult in cuda.h; an error shows every other code as a number
const reasons: Readonly<Record<number, string>> = {
  3: 'the driver is not initialised',
  34: 'the driver library is a stub',
  100: 'the driver sees no GPU',
  802: 'the system (NVSwitch fabric) is not ready',
  803: 'driver and driver library have different versions',
  999: 'unknown error',
};
const computeCapabilityMajor = 75;
const computeCapabilityMinor = 76;

/** Compute capability of Ampere, the first GPUs that compute in bf16. */
export const firstBf16Capability = 8;

/**
 * Whether files below `root` show that a driver runs: the file of the kernel module, which exists before CUDA first
 * creates the device files, these device files, or WSL's. This takes microseconds and loads no library.
 */
export function mayHaveGpu(root = '/'): boolean {
  return ['proc/driver/nvidia/version', 'dev/nvidiactl', 'dev/dxg'].some(path => existsSync(join(root, path)));
}

/** Asks the driver. CUDA reads CUDA_VISIBLE_DEVICES at the first call in a process. */
export async function askGpuDriver(library = 'libcuda.so.1', root = '/'): Promise<GpuAnswer> {
  if (!mayHaveGpu(root)) return { missing: `there is no ${join(root, 'dev/nvidiactl')}, so no NVIDIA driver runs` };
  const { openLibrary } = await import('../io/koffi.js');
  let cuda: ReturnType<typeof bind>;
  try {
    cuda = bind(openLibrary(library));
  } catch (error) {
    return { missing: `the driver's library cannot be loaded: ${(error as Error).message}` };
  }
  const failed = (what: string, code: number) => ({
    missing: `${what} failed: ${reasons[code] ?? 'error'} (${code})${visibleDevices()}`,
  });
  const initialised = cuda.init(0);
  if (initialised !== 0) return failed('cuInit', initialised);
  const version = cuda.number(cuda.driverVersion);
  const count = cuda.number(cuda.deviceCount);
  if (count === 0) return failed('cuDeviceGetCount', 100);
  return {
    version: kernelDriverVersion(),
    cuda: Math.floor(version / 1000) + Math.floor((version % 1000) / 10) / 10,
    gpus: Array.from({ length: count }, (_, ordinal) => cuda.gpu(ordinal)),
  };
}

function bind(library: LibraryHandle) {
  const deviceGet = library.func('int cuDeviceGet(_Out_ int*, int)');
  const deviceName = library.func('int cuDeviceGetName(_Out_ uint8_t*, int, int)');
  const totalMemory = library.func('int cuDeviceTotalMem_v2(_Out_ size_t*, int)');
  const attribute = library.func('int cuDeviceGetAttribute(_Out_ int*, int, int)');
  /** The result of a function `int f(int*)`; 0 when it fails. */
  const number = (ask: (result: number[]) => number): number => {
    const result = [0];
    return ask(result) === 0 ? result[0]! : 0;
  };
  return {
    init: library.func('int cuInit(unsigned int)') as (flags: number) => number,
    driverVersion: library.func('int cuDriverGetVersion(_Out_ int*)') as (result: number[]) => number,
    deviceCount: library.func('int cuDeviceGetCount(_Out_ int*)') as (result: number[]) => number,
    number,
    gpu: (ordinal: number): Gpu => {
      const device = number(result => deviceGet(result, ordinal));
      const name = Buffer.alloc(256);
      deviceName(name, name.length, device);
      const of = (which: number) => number(result => attribute(result, which, device));
      return {
        name: name.toString('latin1', 0, Math.max(0, name.indexOf(0))),
        memoryBytes: Number(number(result => totalMemory(result, device))),
        computeCapability: of(computeCapabilityMajor) + of(computeCapabilityMinor) / 10,
      };
    },
  };
}

/** Added to the reason: an empty CUDA_VISIBLE_DEVICES, or one that names no GPU, is a frequent cause. */
function visibleDevices(): string {
  const value = process.env.CUDA_VISIBLE_DEVICES;
  return value === undefined ? '' : `; CUDA_VISIBLE_DEVICES is '${value}'`;
}

function kernelDriverVersion(): string | undefined {
  try {
    return /Kernel Module.*?\s(\d+\.[\d.]+)\s/.exec(readFileSync('/proc/driver/nvidia/version', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
