/** The parts of CUDA that XLA's CUDA plugin needs: libraries, which it looks up by name, and ptxas with libdevice. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openLibrary } from '../../io/koffi.js';

export type CudaMajor = 12 | 13;

/** The libraries in the order of loading, with the folder of NVIDIA's wheels that has each one. */
const libraries: Readonly<Record<CudaMajor, readonly (readonly [library: string, part: string])[]>> = {
  13: [
    ['libcudart.so.13', 'cu13'],
    ['libnvrtc.so.13', 'cu13'],
    ['libnvJitLink.so.13', 'cu13'],
    ['libcublasLt.so.13', 'cu13'],
    ['libcublas.so.13', 'cu13'],
    ['libcusparse.so.12', 'cu13'],
    ['libcusolver.so.12', 'cu13'],
    ['libcufft.so.12', 'cu13'],
    ['libcupti.so.13', 'cu13'],
    ['libnccl.so.2', 'nccl'],
    ['libnvshmem_host.so.3', 'nvshmem'],
    ['libcudnn.so.9', 'cudnn'],
  ],
  12: [
    ['libcudart.so.12', 'cuda_runtime'],
    ['libnvrtc.so.12', 'cuda_nvrtc'],
    ['libnvJitLink.so.12', 'nvjitlink'],
    ['libcublasLt.so.12', 'cublas'],
    ['libcublas.so.12', 'cublas'],
    ['libcusparse.so.12', 'cusparse'],
    ['libcusolver.so.11', 'cusolver'],
    ['libcufft.so.11', 'cufft'],
    ['libcupti.so.12', 'cuda_cupti'],
    ['libnccl.so.2', 'nccl'],
    ['libnvshmem_host.so.3', 'nvshmem'],
    ['libcudnn.so.9', 'cudnn'],
  ],
};
const compilerFolder: Readonly<Record<CudaMajor, string>> = { 13: 'cu13', 12: 'cuda_nvcc' };

/**
 * The libraries of NVIDIA's wheels that exist below a site-packages folder, in the order of loading. gala loads them
 * before the plugin, as JAX does. For a missing library the loader takes that of the system's CUDA.
 */
export function cudaLibrariesIn(sitePackages: string, cuda: CudaMajor): string[] {
  return libraries[cuda]
    .map(([library, part]) => join(sitePackages, 'nvidia', part, 'lib', library))
    .filter(path => existsSync(path));
}

/**
 * Versions of cuDNN and cuBLASLt: a compiled program refers to their algorithms by number. The versions are those of
 * the libraries that this process has loaded, else of those that the loader finds.
 */
export function algorithmVersions(cuda: CudaMajor): Record<string, number> {
  const asked = [
    ['libcudnn.so.9', 'cudnnGetVersion'],
    [`libcublasLt.so.${cuda}`, 'cublasLtGetVersion'],
  ] as const;
  const versions: Record<string, number> = {};
  for (const [library, name] of asked) {
    try {
      versions[library] = openLibrary(library).func(`size_t ${name}()`)() as number;
    } catch {
      // Without the library the plugin cannot use it either
    }
  }
  return versions;
}

/**
 * Whether a library serves only operations that gala does not use (JAX loads it too). `gala engine install` leaves
 * these libraries out, and gala ignores one that cannot be loaded.
 */
export function isSpareLibrary(path: string): boolean {
  return /^lib(cusparse|cusolver|cufft|cupti|nvshmem_host)\./.test(basename(path));
}

/**
 * The folder for XLA's flag xla_gpu_cuda_data_dir, where XLA looks for ptxas and libdevice: that of NVIDIA's wheels,
 * else CUDA_HOME, else the system's CUDA at its usual place or on the PATH; undefined where none has ptxas.
 */
export function cudaFolderOf(
  sitePackages: string,
  cuda: CudaMajor,
  { CUDA_HOME, PATH = '' }: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const ofWheels = join(sitePackages, 'nvidia', compilerFolder[cuda]);
  const onPath = PATH.split(':').filter(folder => folder.endsWith('/bin'));
  return [ofWheels, CUDA_HOME || ofWheels, `/usr/local/cuda-${cuda}`, '/usr/local/cuda', ...onPath.map(dirname)].find(
    folder => existsSync(join(folder, 'bin', 'ptxas')),
  );
}
