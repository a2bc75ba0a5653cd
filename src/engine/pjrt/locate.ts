/** Finds the PJRT plugin for CPUs: an explicit setting, else the engine that `gala engine install --xla-cpu` put into the cache. */
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import { cacheFolder, engineFolder, installedManifest } from '../install/cache.js';
import { xlaCpu } from '../install/pin.js';

const library = 'xla_cpu_pjrt.so';

/** Path of the plugin, or undefined when there is none; GALA_PJRT_PLUGIN names a file and goes first, there or not. */
export function findPlugin(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  if (environment.GALA_PJRT_PLUGIN) return environment.GALA_PJRT_PLUGIN;
  const cache = cacheFolder(undefined, environment);
  return installedManifest(cache, xlaCpu) ? join(engineFolder(cache, xlaCpu), library) : undefined;
}

/** As `findPlugin`, but throws `EngineError` naming `gala engine install --xla-cpu` when there is none. */
export function requirePlugin(environment: NodeJS.ProcessEnv = process.env): string {
  const plugin = findPlugin(environment);
  if (plugin !== undefined) return plugin;
  throw new EngineError('No PJRT plugin was found.', {
    where: `looked in GALA_PJRT_PLUGIN, ${engineFolder(cacheFolder(undefined, environment), xlaCpu)}`,
    next: 'gala engine install --xla-cpu',
  });
}
