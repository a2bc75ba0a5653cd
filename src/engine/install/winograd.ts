/** gala's own convolutions for engine `tensorflow`: `gala engine install` compiles winograd.cc into the cache. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/homePath.js';
import { findCompiler } from './addon.js';
import {
  installedWinograd,
  type Manifest,
  manifestName,
  winogradFolder,
  winogradLibrary,
  winogradSha256,
  winogradVersion,
} from './cache.js';
import { contentSha256 } from './content.js';
import { runCommand } from './download.js';
import { winogradSource } from './pin.js';
import { type InstalledEngine, type InstallOptions, publishInstallation } from './publish.js';

/** Bytes on disk while it is compiled. */
const bytesToCompile = 1e6;

/** Compiles winograd.cc into the cache, unless it is there. Throws `EngineError`: compiler, space. */
export async function installWinograd(options: InstallOptions = {}): Promise<InstalledEngine> {
  const environment = options.environment ?? process.env;
  const cache = cacheFolder(options.cache, environment);
  const make = async (staging: string): Promise<Manifest> => {
    const effect =
      'Without a compiler training uses TensorFlow’s convolutions, with which it takes up to 1.9 times as long.';
    const compiler = findCompiler(environment, 'to build gala’s convolutions', effect);
    options.listener?.note(`Compiling gala’s convolutions with ${compiler} …`);
    const engine = join(staging, 'engine');
    mkdirSync(engine);
    const target = join(engine, winogradLibrary);
    const { path, options: compilerOptions } = winogradSource;
    runCommand(compiler, [...compilerOptions, path, '-o', target], staging, environment, {
      what: `${compiler} could not compile gala’s convolutions`,
      next: 'They need C++17 (g++ 8 or newer, clang 7 or newer); choose another compiler with CXX.',
    });
    const manifest: Manifest = {
      name: 'winograd',
      version: winogradVersion(),
      wheel: 'winograd.cc',
      sha256: winogradSha256(),
      files: { [winogradLibrary]: statSync(target).size },
      content_sha256: await contentSha256(engine, [winogradLibrary]),
      installed: new Date().toISOString(),
    };
    writeFileAtomic(join(engine, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  };
  const present = () => installedWinograd(cache);
  return publishInstallation({ folder: winogradFolder(cache), bytes: bytesToCompile, present, make }, cache, options);
}
