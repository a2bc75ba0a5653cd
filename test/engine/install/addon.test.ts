/**
 * `gala engine install --eager` where something is missing, with stand-ins for npm and the compiler; the real one runs
 * before the tests.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { addonIn, findAddon } from '../../../src/engine/eager/locate.js';
import { compileAddon, findCompiler, installAddon } from '../../../src/engine/install/addon.js';
import { addonFolder, enginesFolder } from '../../../src/engine/install/cache.js';
import { fetchPackages, tarballName } from '../../../src/engine/install/download.js';
import { addonDependencies, addonPackage } from '../../../src/engine/install/pin.js';
import { EngineError } from '../../../src/errors.js';
import { temporaryFolder } from './fakeWheel.js';

/** A PATH of one folder with these shell scripts in it. */
function withCommands(folder: string, scripts: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: bin, HOME: folder };
}

function engineError(error: unknown, message: RegExp, next: RegExp): true {
  assert.ok(error instanceof EngineError, String(error));
  assert.match(error.message, message);
  assert.match(error.next ?? '', next);
  assert.ok(error.where, 'the error says where');
  return true;
}

test('Without a compiler the installation stops before it downloads anything, and says what to install', async t => {
  const folder = temporaryFolder(t);
  const cache = join(folder, 'cache');
  const environment = withCommands(folder, { npm: 'exit 1' });
  await assert.rejects(installAddon({ cache, environment }), error =>
    engineError(error, /C\+\+17 compiler is needed .* no c\+\+, g\+\+, clang\+\+/, /apt install g\+\+/),
  );
  assert.equal(existsSync(cache), false);
});

test('A compiler is taken from CXX, then from the PATH; a CXX that does not run is an error', t => {
  const folder = temporaryFolder(t);
  const environment = withCommands(folder, { 'g++': 'exit 0', mine: 'exit 0', broken: 'exit 1' });
  assert.equal(findCompiler(environment, 'to build', ''), 'g++');
  assert.equal(findCompiler({ ...environment, CXX: 'mine' }, 'to build', ''), 'mine');
  assert.throws(
    () => findCompiler({ ...environment, CXX: 'broken' }, 'to build', ''),
    error => engineError(error, /named by CXX does not run/, /leave CXX unset/),
  );
});

test('A compiler that fails is quoted, and so is npm; a command that is missing is named', async t => {
  const folder = temporaryFolder(t);
  const failing = withCommands(folder, {
    'g++': 'echo "tfjs_backend.cc:1: error: no" >&2; exit 1',
    npm: 'echo E404; exit 1',
  });
  const compile = () => compileAddon('g++', folder, join(folder, 'include'), join(folder, 'out.node'), failing);
  assert.throws(compile, error => engineError(error, /could not compile.*\n {4}tfjs_backend\.cc:1: error: no/, /CXX/));
  await assert.rejects(fetchPackages([addonPackage], folder, failing), error =>
    engineError(error, /npm could not download @tensorflow\/tfjs-node-gpu@4\.22\.0.*\n {4}E404/, /network/),
  );
  await assert.rejects(fetchPackages([addonPackage], folder, { PATH: join(folder, 'none') }), error =>
    engineError(error, /npm is needed/, /Node\.js/),
  );
});

test('A package that is not the pinned one is refused before it is unpacked', async t => {
  const folder = temporaryFolder(t);
  const environment = withCommands(folder, {
    npm: `while [ "$1" != --pack-destination ]; do shift; done; echo other > "$2/${tarballName(addonPackage)}"`,
  });
  await assert.rejects(fetchPackages([addonPackage], folder, environment), error =>
    engineError(error, /is not the pinned one: sha256 \w+, expected afd5599e/, /registry or proxy/),
  );
  assert.equal(existsSync(join(folder, 'node_modules')), false);
});

test(
  'With CUDA 11 npm installs the package with its own binary, on the TF.js of gala; the cache then has ' + 'it',
  async t => {
    const folder = temporaryFolder(t);
    const cache = join(folder, 'cache');
    const cuda = join(folder, 'cuda');
    mkdirSync(cuda);
    writeFileSync(join(cuda, 'libcudart.so.11.0'), '');
    // What npm would leave: the package with its binary and TensorFlow, and a copy of TF.js of its own.
    const package_ = 'node_modules/@tensorflow/tfjs-node-gpu';
    const entry = `const tf = require('@tensorflow/tfjs');
    require('@mapbox/node-pre-gyp').find(__dirname + '/../package.json');
    tf.copyRegisteredKernels('cpu', 'tensorflow');
    tf.registerBackend('tensorflow', tf.findBackendFactory('cpu'), 3);
    tf.setBackend('tensorflow');
    exports.Tensor = tf.Tensor;`;
    const environment = {
      ...withCommands(folder, {
        npm: `/bin/mkdir -p ${package_}/dist ${package_}/lib/napi-v8 ${package_}/deps/lib node_modules/@tensorflow/tfjs-core node_modules/@mapbox
echo "$*" > ../../../arguments
echo '{"version": "4.22.0", "main": "dist/index.js"}' > ${package_}/package.json
/bin/cat > ${package_}/dist/index.js <<'END'
${entry}
END
echo > ${package_}/lib/napi-v8/tfjs_binding.node
echo > ${package_}/deps/lib/libtensorflow.so.2`,
      }),
      LD_LIBRARY_PATH: cuda,
    };
    const { fresh } = await installAddon({ cache, environment });
    assert.equal(fresh, true);
    const modules = join(addonFolder(cache), 'node_modules');
    assert.deepEqual(readdirSync(join(modules, '@tensorflow')).sort(), ['tfjs', 'tfjs-core', 'tfjs-node-gpu']);
    const location = findAddon({ ...environment, GALA_CACHE: cache });
    assert.deepEqual(location, {
      packageFolder: join(modules, '@tensorflow', 'tfjs-node-gpu'),
      version: '4.22.0',
      origin: 'cache',
      ownTensorFlow: true,
    });
    assert.equal((await installAddon({ cache, environment })).fresh, false);
  },
);

test('Where its own installation fails, the reason is told and the addon is built instead', async t => {
  const folder = temporaryFolder(t);
  const cache = join(folder, 'cache');
  writeFileSync(join(folder, 'libcudart.so.11.0'), '');
  const environment = { ...withCommands(folder, { npm: 'echo "host not found"; exit 1' }), LD_LIBRARY_PATH: folder };
  const notes: string[] = [];
  const listener = { note: (line: string) => notes.push(line), start: () => {}, update: () => {}, stop: () => {} };
  await assert.rejects(installAddon({ cache, environment, listener }), /C\+\+17 compiler/);
  assert.match(
    notes.join('\n'),
    /CUDA 11 is here[\s\S]*It failed:[\s\S]*host not found[\s\S]*Compiling its addon instead/,
  );
  assert.deepEqual(readdirSync(enginesFolder(cache)), []);
});

test('A package that npm left without its binary does not count', t => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'package.json'), '{"version": "4.22.0"}');
  assert.equal(addonIn(folder, 'npm'), undefined);
});

test('The pinned versions are those that the optional dependency resolves to', () => {
  // npm may drop an optional dependency from node_modules; its lock file keeps what it resolves to.
  const lock = readFileSync(join(import.meta.dirname, '../../../../package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string } | undefined> };
  for (const { name, version } of [addonPackage, ...addonDependencies])
    assert.equal(packages[`node_modules/${name}`]?.version, version, name);
});
