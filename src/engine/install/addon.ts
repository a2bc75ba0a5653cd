/**
 * `gala engine install --eager`: tfjs-node-gpu's own installation where there is CUDA 11, for which its binary was
 * made; elsewhere its addon compiled here, for the TensorFlow of the `tensorflow` engine. Its npm package is fetched
 * without scripts.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomicFile.js';
import { cacheFolder } from '../../io/cacheFolder.js';
import { addonDependencies, addonFolder, addonPackage, installedAddon, nodeHeaders } from './addonPin.js';
import { hasHeaders, installedManifest, type Manifest, manifestName } from './cache.js';
import { compileAddon, findCompiler } from './compileAddon.js';
import { contentSha256 } from './content.js';
import { hasCuda11 } from './cuda11.js';
import { installEngine } from './install.js';
import { fetchPackages, runCommand, tarballName } from './npmPackage.js';
import { tensorflowCpu } from './pin.js';
import { type InstalledEngine, type InstallOptions, publishInstallation } from './publish.js';

// What making it takes on disk: the package and object files; with its own installation also TensorFlow for CUDA 11.
const bytesToBuild = 64e6;
const bytesOfOwnInstallation = 3e9;
const binary = join('lib', 'napi-v8', 'tfjs_binding.node');

/** Makes tfjs-node-gpu usable, in the cache. Throws `EngineError`: npm, compiler, headers, network, checksum, space. */
export async function installAddon(options: InstallOptions = {}): Promise<InstalledEngine> {
  const environment = options.environment ?? process.env;
  const cache = cacheFolder(options.cache, environment);
  const folder = addonFolder(cache);
  const present = installedAddon(cache);
  if (present && !options.force) return { folder, manifest: present, fresh: false };
  const whole = (bytes: number, make: (staging: string) => Promise<void>) =>
    publishInstallation(
      {
        folder,
        bytes,
        present: () => installedAddon(cache),
        make: async staging => {
          await make(staging);
          writeStubs(join(staging, 'engine', 'node_modules'));
          options.listener?.note('Trying it …');
          tryAddon(join(staging, 'engine', 'node_modules', addonPackage.name), cache, environment);
          return await writeManifest(join(staging, 'engine'));
        },
      },
      cache,
      options,
    );

  if (hasCuda11(environment)) {
    options.listener?.note(`CUDA 11 is here: trying the own installation of ${addonPackage.name} …`);
    try {
      return await whole(bytesOfOwnInstallation, async staging => installByItself(staging, environment));
    } catch (error) {
      options.listener?.note(`It failed: ${(error as EngineError).message}\nBuilding its addon instead.`);
    }
  }
  const compiler = findCompiler(environment);
  const headers = await headersOfTensorFlow(cache, options);
  return whole(bytesToBuild, async staging => {
    options.listener?.note(`Fetching ${addonPackage.name} ${addonPackage.version} with npm (0.3 MB) …`);
    await fetchPackages([addonPackage, ...addonDependencies, nodeHeaders], staging, environment);
    options.listener?.note(`Compiling its addon with ${compiler} (about half a minute) …`);
    const target = join(staging, 'node_modules', addonPackage.name, binary);
    compileAddon(compiler, staging, headers, target, environment);
    mkdirSync(join(staging, 'engine'));
    rmSync(join(staging, 'node_modules', nodeHeaders.name), { recursive: true });
    renameSync(join(staging, 'node_modules'), join(staging, 'engine', 'node_modules'));
  });
}

/** The headers of the pinned TensorFlow, which is installed where it is missing or was installed without them. */
async function headersOfTensorFlow(cache: string, options: InstallOptions): Promise<string> {
  const there = installedManifest(cache, tensorflowCpu) !== undefined;
  const whole = hasHeaders(cache, tensorflowCpu);
  if (there && !whole) options.listener?.note('TensorFlow was installed without its headers: it is fetched once more.');
  const { folder } = await installEngine({ ...options, pin: tensorflowCpu, force: !whole });
  return join(folder, 'include');
}

/** npm with the package's install script, which downloads its binary and TensorFlow 2.9.1 for CUDA 11. */
function installByItself(staging: string, environment: NodeJS.ProcessEnv): void {
  const engine = join(staging, 'engine');
  mkdirSync(engine);
  writeFileSync(join(engine, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--no-ignore-scripts'];
  runCommand('npm', [...args, `${addonPackage.name}@${addonPackage.version}`], engine, environment, {
    what: `the own installation of ${addonPackage.name} did not succeed`,
    next: 'gala builds its addon instead.',
    missing: { what: 'there is no npm', next: 'It comes with Node.js; Debian/Ubuntu: apt install npm' },
  });
  // TF.js is gala's own copy: what npm brought of it is 100 MB that nothing loads.
  const scope = join(engine, 'node_modules', dirname(addonPackage.name));
  for (const name of readdirSync(scope)) {
    if (name !== basename(addonPackage.name)) rmSync(join(scope, name), { recursive: true });
  }
}

/**
 * What stands in for its packages: TF.js (which exports all of its core) is the copy that gala uses, and the addon's
 * place needs no search.
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

/** Loads it in another process and multiplies two matrices; what would crash must not crash this one. */
function tryAddon(packageFolder: string, cache: string, environment: NodeJS.ProcessEnv): void {
  const script = fileURLToPath(new URL('../eager/tryAddon.js', import.meta.url));
  runCommand(
    process.execPath,
    [script, packageFolder],
    dirname(packageFolder),
    { ...environment, GALA_CACHE: cache },
    {
      what: 'tfjs-node-gpu was installed and does not compute',
      next: 'Report this with the lines above; engines tensorflow and xla do without it.',
      missing: { what: 'Node could not start itself.', next: 'Run it again.' },
    },
  );
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
