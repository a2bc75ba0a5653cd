// Describes the machine of the figures.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** Whether this is a small trial without GPU, which tests the scripts. */
export const onCpu = process.env.GPU_CHECK_DEVICE === 'cpu';
export const python = process.env.GPU_CHECK_PYTHON ?? 'python3';

/** The facts about the machine. Exits where the GPU or its plugin is missing. */
export async function describeMachine() {
  const { findPlugin, requireCudaPlugin } = await import('../../dist/src/engine/pjrt/locate.js');
  const { askGpuDriver } = await import('../../dist/src/engine/gpu.js');
  const { XLA_FLAGS = null } = process.env;
  const common = {
    date: new Date().toISOString(),
    cpu: cpus()[0].model,
    cores: availableParallelism(),
    node: process.version,
    xla_flags_set: XLA_FLAGS,
  };
  if (onCpu) return { ...common, plugin: findPlugin()?.path };
  const driver = await askGpuDriver();
  if ('missing' in driver) {
    process.stderr.write(
      `error: no GPU can be used: ${driver.missing}\nnext:  GPU_CHECK_DEVICE=cpu tries it without\n`,
    );
    process.exit(5);
  }
  const found = pluginOfPython();
  if (found !== undefined) process.env.GALA_PJRT_PLUGIN ??= found;
  const { path, version, libraries, cudaFolder } = requireCudaPlugin(driver.cuda);
  const [gpu] = driver.gpus;
  return {
    ...common,
    gpu: gpu.name,
    driver: driver.version,
    cuda: driver.cuda,
    compute_capability: gpu.computeCapability,
    plugin: path,
    plugin_version: version,
    cuda_libraries: libraries?.length,
    cuda_folder: cudaFolder,
  };
}

/** JAX's plugin for CUDA 13, else 12, in the packages of this Python. gala itself looks only at those of `python3`. */
function pluginOfPython() {
  const question =
    'import importlib.util as u; s = u.find_spec("jax_plugins"); print(*(s.submodule_search_locations if ' +
    's else ()), sep="\\n")';
  const folders = (spawnSync(python, ['-c', question], { encoding: 'utf8' }).stdout ?? '')
    .split('\n')
    .filter(line => line !== '');
  return ['xla_cuda13', 'xla_cuda12']
    .flatMap(name => folders.map(folder => join(folder, name, 'xla_cuda_plugin.so')))
    .find(path => existsSync(path));
}

/** A time limit for spawnSync: whole milliseconds, and at least 1, because 0 means no limit. */
export const milliseconds = seconds => Math.max(1, Math.round(1000 * seconds));
