/**
 * Finds a tfjs-node-gpu that can run: the one that `gala engine install --eager` made, else the npm package with its
 * own binary.
 */
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
  /** True where the addon comes with a TensorFlow of its own, which its own installation downloads. */
  readonly ownTensorFlow: boolean;
}

/** The addon that `engine: eager` uses, or undefined when there is none. */
export function findAddon(environment: NodeJS.ProcessEnv = process.env): AddonLocation | undefined {
  const cache = cacheFolder(undefined, environment);
  if (installedAddon(cache)) return addonIn(join(addonFolder(cache), 'node_modules', addonPackage.name), 'cache');
  try {
    return addonIn(dirname(createRequire(import.meta.url).resolve(`${addonPackage.name}/package.json`)), 'npm');
  } catch {
    return undefined; // npm drops the optional dependency where its installation fails
  }
}

/** As `findAddon`, but throws `EngineError` naming `gala engine install --eager` when there is none. */
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

/** The package in a folder, provided that it has its binary; npm leaves it without one when it runs no scripts. */
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
