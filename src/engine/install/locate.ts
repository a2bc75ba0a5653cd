/**
 * Finds TensorFlow on this machine: GALA_TENSORFLOW, else gala's cache, else Python's packages, else tfjs-node-gpu; and
 * gala's own operations for it.
 */
import { existsSync, readlinkSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from '../../errors.js';
import { cacheFolder } from '../../io/homePath.js';
import { hasInstructions, type InstructionSet, instructionSet } from '../../machine/cpu.js';
import { engineFolder, installedManifest, installedOperations, operationsFolder } from './cache.js';
import { operationsSource, tensorflowCpu } from './pin.js';
import { namesIn, pythonPackageFolders } from './python.js';

type TensorFlowOrigin = 'explicit' | 'cache' | 'python' | 'tfjs-node-gpu';

export interface TensorFlowLocation {
  /** Folder that holds the libraries. */
  readonly libraryFolder: string;
  /** File names in the order of loading; the last library exports the C API. */
  readonly libraries: readonly string[];
  /** For instance `2.21.0`; `unknown` where no file beside the libraries names it. */
  readonly version: string;
  readonly origin: TensorFlowOrigin;
  /** Size of the libraries on disk. */
  readonly bytes: number;
}

const framework = 'libtensorflow_framework.so.2';
// The C API of the Python wheel, and of the C distribution that tfjs-node-gpu unpacks.
const apiLibraries = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];

/**
 * The TensorFlow that gala uses, or undefined. GALA_TENSORFLOW names a folder with `libtensorflow_cc.so.2`. Throws
 * `EngineError` when that folder has no TensorFlow: gala does not pass over a wrong setting silently.
 */
export function findTensorFlow(
  environment: NodeJS.ProcessEnv = process.env,
  pin = tensorflowCpu,
): TensorFlowLocation | undefined {
  for (const location of locations(environment, pin)) return location;
  return undefined;
}

/** Every TensorFlow found; `findTensorFlow` takes the first. Throws as `findTensorFlow`. */
export function listTensorFlow(
  environment: NodeJS.ProcessEnv = process.env,
  pin = tensorflowCpu,
): TensorFlowLocation[] {
  const found = new Map<string, TensorFlowLocation>();
  for (const location of locations(environment, pin)) {
    if (!found.has(location.libraryFolder)) found.set(location.libraryFolder, location);
  }
  return [...found.values()];
}

/** As `findTensorFlow`; throws `EngineError` that names `gala engine install` where there is no TensorFlow. */
export function requireTensorFlow(
  environment: NodeJS.ProcessEnv = process.env,
  pin = tensorflowCpu,
): TensorFlowLocation {
  const location = findTensorFlow(environment, pin);
  if (location !== undefined) return location;
  throw new EngineError('No TensorFlow library was found.', {
    where:
      `looked in GALA_TENSORFLOW, ${engineFolder(cacheFolder(undefined, environment), pin)}, Python's ` +
      'site-packages, @tensorflow/tfjs-node-gpu',
    next: 'gala engine install',
  });
}

/** The library of gala's own operations for a CPU with these instructions; undefined where they are too few. */
export function operationsLibrary(set: InstructionSet = instructionSet()): string | undefined {
  return operationsSource.libraries.find(({ instructions }) => hasInstructions(set, instructions))?.name;
}

/** The path of gala's own operations; undefined where they are not installed, or the CPU lacks the instructions. */
export function findOperations(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const cache = cacheFolder(undefined, environment);
  const library = operationsLibrary();
  return library && installedOperations(cache) ? join(operationsFolder(cache), library) : undefined;
}

/** Whether this CPU would run gala's own operations, and they are not installed. */
export function lacksOperations(environment: NodeJS.ProcessEnv = process.env): boolean {
  return operationsLibrary() !== undefined && findOperations(environment) === undefined;
}

/** A generator, so that Python is started only where neither the setting nor the cache has a TensorFlow. */
function* locations(environment: NodeJS.ProcessEnv, pin: typeof tensorflowCpu): Generator<TensorFlowLocation> {
  if (environment.GALA_TENSORFLOW) yield explicitLocation(resolve(environment.GALA_TENSORFLOW));

  const cache = cacheFolder(undefined, environment);
  const manifest = installedManifest(cache, pin);
  const cached = manifest && locationIn(engineFolder(cache, pin), 'cache', manifest.version);
  if (cached) yield cached;

  for (const folder of pythonPackageFolders('tensorflow', environment)) {
    const location = locationIn(folder, 'python');
    if (location) yield location;
  }
  const addon = libraryFolderOfAddon();
  const location = addon && locationIn(addon, 'tfjs-node-gpu');
  if (location) yield location;
}

function explicitLocation(folder: string): TensorFlowLocation {
  const location = locationIn(folder, 'explicit');
  if (location) return location;
  throw new EngineError(`There is no ${framework} with ${apiLibraries.join(' or ')} in GALA_TENSORFLOW.`, {
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

/** The version in the name of the wheel's `.dist-info` folder, or of the file that the library links to. */
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

/** tfjs-node-gpu may be absent, or lack its libraries, which its install script downloads. */
function libraryFolderOfAddon(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    return join(dirname(manifest), 'deps', 'lib');
  } catch {
    return undefined;
  }
}
