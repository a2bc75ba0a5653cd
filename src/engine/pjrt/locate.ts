/** Finds PJRT plugins: GALA_PJRT_PLUGIN, else in gala's cache, else (for GPUs) in a Python environment. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from '../../errors.js';
import { cacheFolder } from '../../io/homePath.js';
import { engineFolder, installedManifest } from '../install/cache.js';
import { cudaCompiler, cudaPins } from '../install/cuda.js';
import { xlaCpu } from '../install/pin.js';
import { namesIn, pythonPackageFolders } from '../install/python.js';
import type { PluginFile } from './cApi.js';
import { type CudaMajor, cudaFolderOf, cudaLibrariesIn } from './cudaLibraries.js';

export interface PluginLocation extends PluginFile {
  /** Version of the wheel; `unknown` where no file beside the plugin names it. */
  readonly version: string;
  readonly origin: 'explicit' | 'cache' | 'python';
  /** Size of the plugin's file. */
  readonly bytes: number;
}

const cpuLibrary = 'xla_cpu_pjrt.so';
const cudaLibrary = 'xla_cuda_plugin.so';

/**
 * The plugin for CPUs, or undefined. GALA_PJRT_PLUGIN takes precedence, even if the file that it names does not exist.
 * A plugin in the folders of JAX's wheels is for CUDA and gets the parts of CUDA beside it.
 */
export function findPlugin(environment: NodeJS.ProcessEnv = process.env): PluginLocation | undefined {
  const explicit = explicitPlugin(environment);
  if (explicit) return explicit;
  const cache = cacheFolder(undefined, environment);
  const manifest = installedManifest(cache, xlaCpu);
  if (!manifest) return undefined;
  return located(join(engineFolder(cache, xlaCpu), cpuLibrary), 'cache', manifest.version);
}

/** As `findPlugin`; throws `EngineError` that names `gala engine install --xla-cpu` where there is no plugin. */
export function requirePlugin(environment: NodeJS.ProcessEnv = process.env): PluginLocation {
  const plugin = findPlugin(environment);
  if (plugin !== undefined) return plugin;
  throw new EngineError('No PJRT plugin was found.', {
    where: `looked in GALA_PJRT_PLUGIN, ${engineFolder(cacheFolder(undefined, environment), xlaCpu)}`,
    next: 'gala engine install --xla-cpu',
  });
}

/** The plugin for NVIDIA GPUs whose driver runs CUDA up to `driverCuda`, or undefined. GALA_PJRT_PLUGIN as above. */
export function findCudaPlugin(
  driverCuda: number,
  environment: NodeJS.ProcessEnv = process.env,
): PluginLocation | undefined {
  const explicit = explicitPlugin(environment);
  if (explicit) return explicit;
  const cache = cacheFolder(undefined, environment);
  for (const cuda of cudaMajorsFor(driverCuda)) {
    const installed = installedCudaPlugin(cache, cuda, environment);
    if (installed) return installed;
  }
  for (const cuda of cudaMajorsFor(driverCuda)) {
    for (const folder of pythonPackageFolders('jax_plugins', environment)) {
      const path = join(folder, `xla_cuda${cuda}`, cudaLibrary);
      if (existsSync(path)) return cudaPlugin(path, dirname(folder), cuda, 'python', environment);
    }
  }
  return undefined;
}

/** As `findCudaPlugin`; throws `EngineError` that names `gala engine install --cuda` where there is no plugin. */
export function requireCudaPlugin(driverCuda: number, environment: NodeJS.ProcessEnv = process.env): PluginLocation {
  const plugin = findCudaPlugin(driverCuda, environment);
  if (plugin !== undefined) return plugin;
  throw new EngineError('No PJRT plugin for NVIDIA GPUs was found.', {
    where: 'looked in GALA_PJRT_PLUGIN, the cache of engines, the package jax_plugins of the Python environment',
    next: 'gala engine install --cuda',
  });
}

/**
 * A CUDA plugin with ptxas and libdevice, to compile for a GPU on a machine without GPU: the plugin that
 * `findCudaPlugin` finds, else the one that `gala engine install --cuda 13 --plan` installed. Throws `EngineError`
 * where there is none.
 */
export function requireCudaCompiler(environment: NodeJS.ProcessEnv = process.env): PluginLocation {
  const plugin = findCudaPlugin(Number.POSITIVE_INFINITY, environment);
  if (plugin?.cudaFolder !== undefined) return plugin;
  const cache = cacheFolder(undefined, environment);
  const folder = engineFolder(cache, cudaCompiler);
  if (installedManifest(cache, cudaCompiler)) {
    const [pin] = cudaCompiler.companions!;
    const found = cudaPlugin(join(folder, pin!.members[0]!.path), folder, 13, 'cache', environment);
    return { ...found, version: pin!.version };
  }
  throw new EngineError(
    "XLA's CUDA plugin with ptxas and libdevice was not found; they compile for a GPU without one.",
    {
      where:
        `looked in GALA_PJRT_PLUGIN, ${folder}, the engines of the cache, the package jax_plugins of the ` +
        'Python environment',
      next: 'gala engine install --cuda 13 --plan (230 MB to download); a machine without a GPU can use it.',
    },
  );
}

/** The CUDA versions that a driver runs, the newest first: a driver also runs all older versions. */
function cudaMajorsFor(driverCuda: number): CudaMajor[] {
  return ([13, 12] as const).filter(cuda => cuda <= driverCuda);
}

/** The plugin in the cache, with the parts of CUDA beside it, or without them (`--system-cuda`). */
function installedCudaPlugin(
  cache: string,
  cuda: CudaMajor,
  environment: NodeJS.ProcessEnv,
): PluginLocation | undefined {
  const pin = cudaPins[cuda];
  const manifest = installedManifest(cache, pin) ?? installedManifest(cache, { ...pin, companions: [] });
  if (!manifest) return undefined;
  const folder = engineFolder(cache, pin);
  const plugin = cudaPlugin(join(folder, pin.members[0]!.path), folder, cuda, 'cache', environment);
  const bytes = Object.values(manifest.files).reduce((sum, size) => sum + size, 0);
  return { ...plugin, version: manifest.version, bytes };
}

function explicitPlugin(environment: NodeJS.ProcessEnv): PluginLocation | undefined {
  const path = environment.GALA_PJRT_PLUGIN;
  if (!path) return undefined;
  const ofWheel = /^(.*)\/jax_plugins\/xla_cuda(12|13)\/[^/]+$/.exec(resolve(path));
  if (!ofWheel) return located(path, 'explicit', 'unknown');
  return cudaPlugin(path, ofWheel[1]!, ofWheel[2] === '12' ? 12 : 13, 'explicit', environment);
}

function cudaPlugin(
  path: string,
  sitePackages: string,
  cuda: CudaMajor,
  origin: PluginLocation['origin'],
  environment: NodeJS.ProcessEnv,
): PluginLocation {
  const distribution = new RegExp(`^jax_cuda${cuda}_pjrt-(\\d[^-]*)\\.dist-info$`);
  const version = namesIn(sitePackages)
    .map(name => distribution.exec(name)?.[1])
    .find(found => found !== undefined);
  return {
    ...located(path, origin, version ?? 'unknown'),
    cuda,
    libraries: cudaLibrariesIn(sitePackages, cuda),
    cudaFolder: cudaFolderOf(sitePackages, cuda, environment),
  };
}

function located(path: string, origin: PluginLocation['origin'], version: string): PluginLocation {
  return { path, origin, version, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 };
}
