/** Finds tfjs-node-gpu: the one that `gala engine install --eager` installed, else the npm package with its binary. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EngineError } from '../../errors.js';
import { cacheFolder } from '../../io/homePath.js';
import { addonFolder, installedAddon } from '../install/cache.js';
import { addonPackage } from '../install/pin.js';

export interface AddonLocation {
  /** The folder of the package `@tensorflow/tfjs-node-gpu`. */
  readonly packageFolder: string;
  readonly version: string;
  readonly origin: 'cache' | 'npm';
  /** Whether the addon has its own TensorFlow, which the package's install script downloads. */
  readonly ownTensorFlow: boolean;
}

/** The addon that `engine: eager` uses, or undefined when there is none. */
export function findAddon(environment: NodeJS.ProcessEnv = process.env): AddonLocation | undefined {
  const cache = cacheFolder(undefined, environment);
  if (installedAddon(cache)) return addonIn(join(addonFolder(cache), 'node_modules', addonPackage.name), 'cache');
  try {
    return addonIn(dirname(createRequire(import.meta.url).resolve(`${addonPackage.name}/package.json`)), 'npm');
  } catch {
    return undefined; // npm removes an optional dependency whose installation fails
  }
}

/** As `findAddon`; throws `EngineError` that names `gala engine install --eager` where there is no addon. */
export function requireAddon(environment: NodeJS.ProcessEnv = process.env): AddonLocation {
  const location = findAddon(environment);
  if (location !== undefined) return location;
  throw new EngineError('There is no tfjs-node-gpu that can run.', {
    where:
      `looked in ${addonFolder(cacheFolder(undefined, environment))}, and for ${addonPackage.name} with its ` +
      'binary beside gala',
    next: 'gala engine install --eager',
  });
}

/** The package in a folder; undefined without its binary, which is missing where npm did not run its scripts. */
export function addonIn(packageFolder: string, origin: AddonLocation['origin']): AddonLocation | undefined {
  if (!existsSync(join(packageFolder, 'package.json')) || !binaryOf(packageFolder)) return undefined;
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const ownTensorFlow = existsSync(join(packageFolder, 'deps', 'lib', 'libtensorflow.so.2'));
  return { packageFolder, version, origin, ownTensorFlow };
}

function binaryOf(packageFolder: string): string | undefined {
  const lib = join(packageFolder, 'lib');
  const folders = existsSync(lib) ? readdirSync(lib) : [];
  return folders.map(name => join(lib, name, 'tfjs_binding.node')).find(path => existsSync(path));
}
