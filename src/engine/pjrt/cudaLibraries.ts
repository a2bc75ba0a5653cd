/**
 * What XLA's CUDA plugin looks for when it meets a GPU: CUDA's libraries by name, and the folder with ptxas and
 * libdevice.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openLibrary } from '../../io/koffi.js';

export type CudaMajor = 12 | 13;

/**
 * Library → the part of CUDA that it belongs to: a folder of CUDA 12's wheels. cuDNN and NCCL have folders of their own
 * in both.
 */
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
 * The libraries of NVIDIA's wheels below a site-packages folder that are there, in the order of loading. They are
 * loaded before the plugin, as JAX does; what is not there is left to the loader, which knows the system's own CUDA.
 */
export function cudaLibrariesIn(sitePackages: string, cuda: CudaMajor): string[] {
  return libraries[cuda]
    .map(([library, part]) => join(sitePackages, 'nvidia', part, 'lib', library))
    .filter(path => existsSync(path));
}

/**
 * Versions, as they tell them, of the libraries whose algorithms a compiled program names by number: cuDNN and
 * cuBLASLt. Those that this process has loaded, else those that the loader finds.
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
      // Not there: the plugin cannot use it either
    }
  }
  return versions;
}

/**
 * Libraries that JAX loads too, for operations that gala has none of: `gala engine install` leaves them out, and one
 * that does not load is passed over.
 */
export function isSpareLibrary(path: string): boolean {
  return /^lib(cusparse|cusolver|cufft|cupti|nvshmem_host)\./.test(basename(path));
}

/**
 * The folder for XLA's flag xla_gpu_cuda_data_dir: of NVIDIA's wheels, else of CUDA_HOME, else the system's CUDA, where
 * it usually lies or as the PATH has it; undefined where there is none. XLA looks there for ptxas and libdevice.
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
