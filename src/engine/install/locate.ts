/** Finds a TensorFlow on this machine: explicit setting → own cache → Python's site-packages → tfjs-node-gpu. */
import { existsSync, readlinkSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from '../../errors.js';
import { cacheFolder } from '../../io/cacheFolder.js';
import { engineFolder, installedManifest } from './cache.js';
import { tensorflowCpu, type WheelPin } from './pin.js';
import { namesIn, pythonPackageFolders } from './python.js';

type TensorFlowOrigin = 'explicit' | 'cache' | 'python' | 'tfjs-node-gpu';

export interface TensorFlowLocation {
  /** Folder that holds the libraries. */
  readonly libraryFolder: string;
  /** File names to load, in this order; the last one exports the C API. */
  readonly libraries: readonly string[];
  /** For instance `2.21.0`; `unknown` where nothing beside the libraries tells. */
  readonly version: string;
  readonly origin: TensorFlowOrigin;
  /** Size of the libraries on disk. */
  readonly bytes: number;
}

export interface LocateOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly cache?: string;
  readonly pin?: WheelPin;
}

const framework = 'libtensorflow_framework.so.2';
// The Python wheel has its C API in the first, the C distribution that tfjs-node-gpu unpacks in the second.
const apiLibraries = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];

/**
 * The TensorFlow that `auto` uses, or undefined when there is none. `explicit` (else GALA_TENSORFLOW) names a folder
 * with `libtensorflow_cc.so.2`; throws `EngineError` when it holds none, for a wrong setting must not be skipped
 * silently.
 */
export function findTensorFlow(explicit?: string, options: LocateOptions = {}): TensorFlowLocation | undefined {
  for (const location of locations(explicit, options)) return location;
  return undefined;
}

/**
 * Every TensorFlow found, in the order of preference; the first is the one that `auto` uses. Throws as
 * `findTensorFlow`.
 */
export function listTensorFlow(explicit?: string, options: LocateOptions = {}): TensorFlowLocation[] {
  const found = new Map<string, TensorFlowLocation>();
  for (const location of locations(explicit, options)) {
    if (!found.has(location.libraryFolder)) found.set(location.libraryFolder, location);
  }
  return [...found.values()];
}

/** As `findTensorFlow`, but throws `EngineError` naming `gala engine install` when there is none. */
export function requireTensorFlow(explicit?: string, options: LocateOptions = {}): TensorFlowLocation {
  const location = findTensorFlow(explicit, options);
  if (location !== undefined) return location;
  const cache = cacheFolder(options.cache, options.environment);
  throw new EngineError('No TensorFlow library was found.', {
    where:
      `looked in GALA_TENSORFLOW, ${engineFolder(cache, options.pin ?? tensorflowCpu)}, Python's ` +
      'site-packages, @tensorflow/tfjs-node-gpu',
    next: 'gala engine install',
  });
}

/** A generator, so that Python is started only when neither the setting nor the cache has an answer. */
function* locations(explicit: string | undefined, options: LocateOptions): Generator<TensorFlowLocation> {
  const environment = options.environment ?? process.env;
  const setting = explicit || environment.GALA_TENSORFLOW;
  if (setting) yield explicitLocation(resolve(setting), explicit ? 'the given folder' : 'GALA_TENSORFLOW');

  const pin = options.pin ?? tensorflowCpu;
  const cache = cacheFolder(options.cache, environment);
  const manifest = installedManifest(cache, pin);
  const cached = manifest && locationIn(engineFolder(cache, pin), 'cache', manifest.version);
  if (cached) yield cached;

  for (const folder of pythonPackageFolders('tensorflow', environment)) {
    const location = locationIn(folder, 'python');
    if (location) yield location;
  }
  const addon = addonFolder();
  const location = addon && locationIn(addon, 'tfjs-node-gpu');
  if (location) yield location;
}

function explicitLocation(folder: string, source: string): TensorFlowLocation {
  const location = locationIn(folder, 'explicit');
  if (location) return location;
  throw new EngineError(`There is no ${framework} with ${apiLibraries.join(' or ')} in ${source}.`, {
    where: folder,
    next:
      `Set GALA_TENSORFLOW to the folder that holds ${apiLibraries[0]}, or leave it unset and run: gala ` +
      'engine install',
  });
}

function locationIn(libraryFolder: string, origin: TensorFlowOrigin, version?: string): TensorFlowLocation | undefined {
  const api = apiLibraries.find(name => existsSync(join(libraryFolder, name)));
  if (api === undefined || !existsSync(join(libraryFolder, framework))) return undefined;
  const libraries = [framework, api];
  const bytes = libraries.reduce((sum, name) => sum + statSync(join(libraryFolder, name)).size, 0);
  return { libraryFolder, libraries, version: version ?? versionBeside(libraryFolder, api), origin, bytes };
}

/** The version as told by the wheel's `.dist-info` folder or by the file that the library links to. */
function versionBeside(folder: string, api: string): string {
  for (const name of namesIn(dirname(folder))) {
    const version = /^tensorflow(?:_(?:cpu|gpu|intel|rocm|cpu_aws))?-(\d[^-]*)\.dist-info$/.exec(name)?.[1];
    if (version) return version;
  }
  try {
    return /\.so\.(\d+\.\d+\.\d+)$/.exec(readlinkSync(join(folder, api)))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** tfjs-node-gpu may be absent, or present without its libraries (its install script downloads them). */
function addonFolder(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    return join(dirname(manifest), 'deps', 'lib');
  } catch {
    return undefined;
  }
}
