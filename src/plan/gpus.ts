/**
 * The GPUs for which `gala bench plan` compiles: their data, and descriptions for XLA (the text of a
 * GpuTargetConfigProto) and for cuDNN (JSON).
 */

/** Data of a GPU, from NVIDIA's data sheets and the CUDA C++ programming guide (by compute capability). */
export interface GpuFacts {
  readonly name: string;
  /** Compute capability times ten: 90 for Hopper's 9.0. */
  readonly capability: number;
  /** Whether XLA compiles for the variant with additional instructions, such as sm_90a. */
  readonly accelerated: boolean;
  readonly multiprocessors: number;
  readonly fp32UnitsPerMultiprocessor: number;
  readonly threadsPerMultiprocessor: number;
  readonly blocksPerMultiprocessor: number;
  /** Shared memory of a multiprocessor; a block can use 1 KiB less (before Ampere: all). */
  readonly sharedMemoryKiB: number;
  readonly blockSharedMemoryKiB: number;
  readonly clockMHz: number;
  readonly memoryClockMHz: number;
  readonly l2CacheMiB: number;
  /** The memory that CUDA offers, which is less than the size of the memory chips. */
  readonly memoryGiB: number;
  /** GB/s. */
  readonly memoryBandwidth: number;
}

export const targets = {
  h200: {
    name: 'NVIDIA H200',
    capability: 90,
    accelerated: true,
    multiprocessors: 132,
    fp32UnitsPerMultiprocessor: 128,
    threadsPerMultiprocessor: 2048,
    blocksPerMultiprocessor: 32,
    sharedMemoryKiB: 228,
    blockSharedMemoryKiB: 227,
    clockMHz: 1980,
    memoryClockMHz: 3201,
    l2CacheMiB: 50,
    memoryGiB: 139.8,
    memoryBandwidth: 4800,
  },
  a100: {
    name: 'NVIDIA A100-SXM4-80GB',
    capability: 80,
    accelerated: false,
    multiprocessors: 108,
    fp32UnitsPerMultiprocessor: 64,
    threadsPerMultiprocessor: 2048,
    blocksPerMultiprocessor: 32,
    sharedMemoryKiB: 164,
    blockSharedMemoryKiB: 163,
    clockMHz: 1410,
    memoryClockMHz: 1593,
    l2CacheMiB: 40,
    memoryGiB: 79.25,
    memoryBandwidth: 2039,
  },
  b200: {
    name: 'NVIDIA B200',
    capability: 100,
    accelerated: true,
    multiprocessors: 148,
    fp32UnitsPerMultiprocessor: 128,
    threadsPerMultiprocessor: 2048,
    blocksPerMultiprocessor: 32,
    sharedMemoryKiB: 228,
    blockSharedMemoryKiB: 227,
    clockMHz: 1965,
    memoryClockMHz: 3996,
    l2CacheMiB: 126.5,
    memoryGiB: 178.36,
    memoryBandwidth: 7672,
  },
  rtx4090: {
    name: 'NVIDIA GeForce RTX 4090',
    capability: 89,
    accelerated: false,
    multiprocessors: 128,
    fp32UnitsPerMultiprocessor: 128,
    threadsPerMultiprocessor: 1536,
    blocksPerMultiprocessor: 24,
    sharedMemoryKiB: 100,
    blockSharedMemoryKiB: 99,
    clockMHz: 2520,
    memoryClockMHz: 10_501,
    l2CacheMiB: 72,
    memoryGiB: 23.64,
    memoryBandwidth: 1008,
  },
  rtx5090: {
    name: 'NVIDIA GeForce RTX 5090',
    capability: 120,
    accelerated: false,
    multiprocessors: 170,
    fp32UnitsPerMultiprocessor: 128,
    threadsPerMultiprocessor: 1536,
    blocksPerMultiprocessor: 24,
    sharedMemoryKiB: 100,
    blockSharedMemoryKiB: 99,
    clockMHz: 2407,
    memoryClockMHz: 14_001,
    l2CacheMiB: 96,
    memoryGiB: 31.36,
    memoryBandwidth: 1792,
  },
  t4: {
    name: 'Tesla T4',
    capability: 75,
    accelerated: false,
    multiprocessors: 40,
    fp32UnitsPerMultiprocessor: 64,
    threadsPerMultiprocessor: 1024,
    blocksPerMultiprocessor: 16,
    sharedMemoryKiB: 64,
    blockSharedMemoryKiB: 64,
    clockMHz: 1590,
    memoryClockMHz: 5001,
    l2CacheMiB: 4,
    memoryGiB: 14.74,
    memoryBandwidth: 320,
  },
} as const satisfies Readonly<Record<string, GpuFacts>>;

export type TargetName = keyof typeof targets;
export const targetNames = Object.keys(targets) as TargetName[];

export const memoryBytes = ({ memoryGiB }: GpuFacts): number => Math.round(memoryGiB * 2 ** 30);

// Equal on every GPU since Turing
const common = {
  threadsPerBlock: 1024,
  threadsPerWarp: 32,
  staticSharedMemory: 48 * 1024,
  registers: 65_536,
  blocks: [2_147_483_647, 65_535, 65_535],
  threads: [1024, 1024, 64],
} as const;

/** The versions in gala's pins (cudaPins.ts), which XLA would find on the GPU's machine. */
const [cuda, cudnn] = ['13.1.0', [9, 19, 0]] as const;

/** Text of XLA's GpuTargetConfigProto (stream_executor/device_description.proto). */
export function xlaTarget(gpu: GpuFacts): string {
  const [blocksX, blocksY, blocksZ] = common.blocks;
  const [threadsX, threadsY, threadsZ] = common.threads;
  const information = {
    threads_per_block_limit: common.threadsPerBlock,
    threads_per_warp: common.threadsPerWarp,
    shared_memory_per_block: common.staticSharedMemory,
    shared_memory_per_core: gpu.sharedMemoryKiB * 1024,
    shared_memory_per_block_optin: gpu.blockSharedMemoryKiB * 1024,
    threads_per_core_limit: gpu.threadsPerMultiprocessor,
    core_count: gpu.multiprocessors,
    fpus_per_core: gpu.fp32UnitsPerMultiprocessor,
    registers_per_core_limit: common.registers,
    registers_per_block_limit: common.registers,
    block_dim_limit_x: blocksX,
    block_dim_limit_y: blocksY,
    block_dim_limit_z: blocksZ,
    thread_dim_limit_x: threadsX,
    thread_dim_limit_y: threadsY,
    thread_dim_limit_z: threadsZ,
    memory_bandwidth: gpu.memoryBandwidth * 1e9,
    l2_cache_size: gpu.l2CacheMiB * 2 ** 20,
    clock_rate_ghz: gpu.clockMHz / 1000,
    device_memory_size: memoryBytes(gpu),
    device_vendor: '"NVIDIA Corporation"',
    name: `"${gpu.name}"`,
    driver_version: `"${cuda}"`,
    runtime_version: `"${cuda}"`,
    compile_time_toolkit_version: `"${cuda}"`,
    dnn_version: `"${cudnn.join('.')}"`,
  };
  const [major, minor] = [Math.floor(gpu.capability / 10), gpu.capability % 10];
  const extension = gpu.accelerated ? 'ACCELERATED_FEATURES' : 'NONE';
  return [
    'gpu_device_info {',
    ...Object.entries(information).map(([field, value]) => `  ${field}: ${value}`),
    `  cuda_compute_capability { major: ${major} minor: ${minor} feature_extension: ${extension} }`,
    '}',
    'platform_name: "CUDA"',
    `dnn_version_info { major: ${cudnn[0]} minor: ${cudnn[1]} patch: ${cudnn[2]} }`,
    `device_description_str: "${gpu.name}"`,
    '',
  ].join('\n');
}

/** The properties of a device as JSON for cuDNN (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION). */
export function cudnnDevice(gpu: GpuFacts): string {
  const [major] = cuda.split('.');
  return JSON.stringify({
    deviceName: gpu.name,
    deviceVer: gpu.capability * 10,
    driverVer: Number(major) * 1000 + 10,
    cudaDeviceId: 0,
    pciDeviceId: 0,
    isTccDriver: 0,
    supportCoopLaunch: 1,
    multiProcessorCount: gpu.multiprocessors,
    smClockRateKHz: gpu.clockMHz * 1000,
    memClockRateKHz: gpu.memoryClockMHz * 1000,
    totalGlobalMem: memoryBytes(gpu),
    l2CacheSize: gpu.l2CacheMiB * 2 ** 20,
    warpSize: common.threadsPerWarp,
    maxGridSize: common.blocks,
    maxBlockSize: common.threads,
    maxThreadsPerBlock: common.threadsPerBlock,
    maxThreadsPerSM: gpu.threadsPerMultiprocessor,
    maxCtasPerSM: gpu.blocksPerMultiprocessor,
    regsPerBlock: common.registers,
    maxRegistersPerSM: common.registers,
    maxSharedMemoryPerBlock: common.staticSharedMemory,
    maxSharedMemoryPerBlockOptin: gpu.blockSharedMemoryKiB * 1024,
    reservedSharedMemoryPerBlock: gpu.sharedMemoryKiB > gpu.blockSharedMemoryKiB ? 1024 : 0,
  });
}
