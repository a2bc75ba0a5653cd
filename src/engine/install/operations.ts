/** gala's own operations for engine `tensorflow`: `gala engine install` compiles them into the cache. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/homePath.js';
import { findCompiler } from './addon.js';
import {
  installedOperations,
  type Manifest,
  manifestName,
  operationsFolder,
  operationsSha256,
  operationsVersion,
} from './cache.js';
import { contentSha256 } from './content.js';
import { runCommand } from './download.js';
import { operationsSource } from './pin.js';
import { type InstalledEngine, type InstallOptions, publishInstallation } from './publish.js';

/** Bytes on disk while they are compiled. */
const bytesToCompile = 1e6;

/** Compiles the operations into the cache, unless they are there. Throws `EngineError`: compiler, space. */
export async function installOperations(options: InstallOptions = {}): Promise<InstalledEngine> {
  const environment = options.environment ?? process.env;
  const cache = cacheFolder(options.cache, environment);
  const make = async (staging: string): Promise<Manifest> => {
    const effect = 'Without a compiler training uses TensorFlow’s operations, which take up to twice as long.';
    const compiler = findCompiler(environment, 'to build gala’s operations', effect);
    options.listener?.note(`Compiling gala’s operations with ${compiler} …`);
    const engine = join(staging, 'engine');
    mkdirSync(engine);
    const { folder, file, options: commonOptions, libraries } = operationsSource;
    const files: Record<string, number> = {};
    for (const { name, options: ownOptions } of libraries) {
      const target = join(engine, name);
      runCommand(compiler, [...commonOptions, ...ownOptions, join(folder, file), '-o', target], staging, environment, {
        what: `${compiler} could not compile gala’s operations`,
        next: 'They need C++17 (g++ 8 or newer, clang 10 or newer); choose another compiler with CXX.',
      });
      files[name] = statSync(target).size;
    }
    const manifest: Manifest = {
      name: 'operations',
      version: operationsVersion(),
      wheel: file,
      sha256: operationsSha256(),
      files,
      content_sha256: await contentSha256(engine, Object.keys(files)),
      installed: new Date().toISOString(),
    };
    writeFileAtomic(join(engine, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  };
  const present = () => installedOperations(cache);
  return publishInstallation({ folder: operationsFolder(cache), bytes: bytesToCompile, present, make }, cache, options);
}
