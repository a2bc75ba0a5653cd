/**
 * `gala engine install --eager`. The binary in the npm package of tfjs-node-gpu was made for CUDA 11: where CUDA 11 is
 * on the machine, the package installs itself. Elsewhere its addon is compiled here, against the TensorFlow of the
 * `tensorflow` engine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/homePath.js';
import { addonFolder, hasHeaders, installedAddon, installedManifest, type Manifest, manifestName } from './cache.js';
import { contentSha256 } from './content.js';
import { fetchPackages, runCommand, runs, tarballName } from './download.js';
import { installEngine } from './install.js';
import { addonDependencies, addonPackage, nodeHeaders, tensorflowCpu } from './pin.js';
import { type InstalledEngine, type InstallOptions, publishInstallation } from './publish.js';

/** Bytes on disk while the addon is compiled: the packages and object files. */
const bytesToCompile = 64e6;
/** Bytes on disk while the package installs itself, with TensorFlow for CUDA 11. */
const bytesToInstallItself = 3e9;
const binary = join('lib', 'napi-v8', 'tfjs_binding.node');
const compilers = ['c++', 'g++', 'clang++'];

/** Installs tfjs-node-gpu into the cache. Throws `EngineError`: npm, compiler, headers, network, checksum, space. */
export async function installAddon(options: InstallOptions = {}): Promise<InstalledEngine> {
  const environment = options.environment ?? process.env;
  const cache = cacheFolder(options.cache, environment);
  const folder = addonFolder(cache);
  const present = installedAddon(cache);
  if (present && !options.force) return { folder, manifest: present, fresh: false };

  /** `makeModules` fills `node_modules` of the new engine's folder. */
  const install = (bytes: number, makeModules: (engine: string, staging: string) => Promise<void>) =>
    publishInstallation(
      {
        folder,
        bytes,
        present: () => installedAddon(cache),
        make: async staging => {
          const engine = join(staging, 'engine');
          mkdirSync(engine);
          await makeModules(engine, staging);
          const modules = join(engine, 'node_modules');
          writeStubs(modules);
          options.listener?.note('Trying it …');
          tryAddon(join(modules, addonPackage.name), cache, environment);
          return writeManifest(engine);
        },
      },
      cache,
      options,
    );

  if (hasCuda11(environment)) {
    options.listener?.note(`CUDA 11 is here: ${addonPackage.name} installs itself …`);
    try {
      return await install(bytesToInstallItself, async engine => installItself(engine, environment));
    } catch (error) {
      options.listener?.note(`It failed: ${(error as EngineError).message}\nCompiling its addon instead.`);
    }
  }
  const compiler = findCompiler(
    environment,
    'to build the addon of tfjs-node-gpu',
    'Only engine eager needs a compiler; tensorflow and xla do not.',
  );
  const headers = await headersOfTensorFlow(cache, options);
  return install(bytesToCompile, async (engine, staging) => {
    options.listener?.note(`Fetching ${addonPackage.name} ${addonPackage.version} with npm (0.3 MB) …`);
    await fetchPackages([addonPackage, ...addonDependencies, nodeHeaders], staging, environment);
    options.listener?.note(`Compiling its addon with ${compiler} (about half a minute) …`);
    const modules = join(staging, 'node_modules');
    compileAddon(compiler, staging, headers, join(modules, addonPackage.name, binary), environment);
    rmSync(join(modules, nodeHeaders.name), { recursive: true });
    renameSync(modules, join(engine, 'node_modules'));
  });
}

/** Whether the loader finds the runtime of CUDA 11. */
function hasCuda11(environment: NodeJS.ProcessEnv): boolean {
  const runtime = 'libcudart.so.11.0';
  const ofPath = (environment.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean);
  const folders = [...ofPath, '/usr/local/cuda/lib64', '/usr/local/cuda-11/lib64', '/usr/lib/x86_64-linux-gnu'];
  if (folders.some(folder => existsSync(join(folder, runtime)))) return true;
  const { stdout } = spawnSync('ldconfig', ['-p'], { env: environment, encoding: 'utf8', timeout: 10_000 });
  return (stdout ?? '').includes(runtime);
}

/** npm runs the package's install script, which downloads its binary and TensorFlow 2.9.1 for CUDA 11. */
function installItself(engine: string, environment: NodeJS.ProcessEnv): void {
  writeFileSync(join(engine, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--no-ignore-scripts'];
  runCommand('npm', [...args, `${addonPackage.name}@${addonPackage.version}`], engine, environment, {
    what: `${addonPackage.name} could not install itself`,
    next: 'gala compiles its addon instead.',
  });
  // gala uses its own copy of TF.js: npm's copy is 100 MB that nothing loads.
  const scope = join(engine, 'node_modules', dirname(addonPackage.name));
  for (const name of readdirSync(scope)) {
    if (name !== basename(addonPackage.name)) rmSync(join(scope, name), { recursive: true });
  }
}

/**
 * The C++ compiler: CXX, else c++, g++ or clang++ on the PATH. Throws `EngineError` that says what to install;
 * `purpose` is `to build …`, and `effect` says what works without a compiler.
 */
export function findCompiler(environment: NodeJS.ProcessEnv, purpose: string, effect: string): string {
  const candidates = environment.CXX ? [environment.CXX] : compilers;
  const found = candidates.find(compiler => runs(compiler, ['--version'], environment));
  if (found !== undefined) return found;
  throw new EngineError(
    environment.CXX
      ? 'The C++ compiler named by CXX does not run.'
      : `A C++17 compiler is needed ${purpose}, and there is no ${compilers.join(', ')}.`,
    {
      where: environment.CXX ? `CXX=${environment.CXX}` : `PATH=${environment.PATH ?? ''}`,
      next: environment.CXX
        ? 'Name a program without options in CXX, or leave CXX unset.'
        : `Debian/Ubuntu: apt install g++ · Fedora: dnf install gcc-c++. ${effect}`,
    },
  );
}

/**
 * The headers of the pinned TensorFlow. TensorFlow is installed where it is missing, or where an earlier version of
 * gala installed it without headers.
 */
async function headersOfTensorFlow(cache: string, options: InstallOptions): Promise<string> {
  const force = !hasHeaders(cache, tensorflowCpu);
  if (force && installedManifest(cache, tensorflowCpu))
    options.listener?.note('TensorFlow was installed without its headers: it is fetched once more.');
  const { folder } = await installEngine({ ...options, pin: tensorflowCpu, force });
  return join(folder, 'include');
}

/**
 * Compiles the package in `staging/node_modules` to `target`, against TensorFlow's headers. The addon is linked to no
 * library: it uses the TensorFlow that the process has loaded. Throws `EngineError`.
 */
export function compileAddon(
  compiler: string,
  staging: string,
  tensorflowHeaders: string,
  target: string,
  environment: NodeJS.ProcessEnv,
): void {
  mkdirSync(dirname(target), { recursive: true });
  const modules = join(staging, 'node_modules');
  const includes = [tensorflowHeaders, join(modules, nodeHeaders.name, 'include')].flatMap(folder => ['-I', folder]);
  const options = ['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-fvisibility=hidden'];
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map(name => join(modules, addonPackage.name, 'binding', name));
  runCommand(compiler, [...options, ...includes, ...sources, '-o', target], staging, environment, {
    what: `${compiler} could not compile the addon of tfjs-node-gpu`,
    next: 'The addon needs C++17 (g++ 8 or newer, clang 7 or newer); choose another compiler with CXX.',
  });
}

/**
 * Writes packages that replace those that tfjs-node-gpu requires: TF.js is gala's own copy (eager/addon.ts), and the
 * path of the binary is known.
 */
function writeStubs(modules: string): void {
  const tfjs = `module.exports = globalThis[Symbol.for('gala.tfjs')];\n`;
  const stubs = {
    '@tensorflow/tfjs': tfjs,
    '@tensorflow/tfjs-core': tfjs,
    '@mapbox/node-pre-gyp': `exports.find = manifest => require('node:path').join(manifest, '..', '${binary}');\n`,
  };
  for (const [name, code] of Object.entries(stubs)) {
    const folder = join(modules, name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.js'), code);
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name, main: 'index.js' })}\n`);
  }
}

/** Loads the addon in another process, which it may crash, and multiplies two matrices. Throws `EngineError`. */
function tryAddon(packageFolder: string, cache: string, environment: NodeJS.ProcessEnv): void {
  const script = fileURLToPath(new URL('../eager/tryAddon.js', import.meta.url));
  const ownCache = { ...environment, GALA_CACHE: cache };
  runCommand(process.execPath, [script, packageFolder], dirname(packageFolder), ownCache, {
    what: 'tfjs-node-gpu was installed, but it does not compute',
    next: 'Report this with the lines above. The engines tensorflow and xla do not need tfjs-node-gpu.',
  });
}

async function writeManifest(engine: string): Promise<Manifest> {
  const files = readdirSync(engine, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(engine, join(entry.parentPath, entry.name)))
    .sort();
  const manifest: Manifest = {
    name: 'tfjs-node-gpu',
    version: addonPackage.version,
    wheel: tarballName(addonPackage),
    sha256: addonPackage.sha256,
    files: Object.fromEntries(files.map(file => [file, statSync(join(engine, file)).size])),
    content_sha256: await contentSha256(engine, files),
    installed: new Date().toISOString(),
  };
  writeFileAtomic(join(engine, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
