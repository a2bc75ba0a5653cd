/** Compiles the addon of tfjs-node-gpu with the machine's C++ compiler. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../../errors.js';
import { addonPackage, nodeHeaders } from './addonPin.js';
import { runCommand } from './npmPackage.js';

const compilers = ['c++', 'g++', 'clang++'];

/** The C++ compiler: CXX, else c++, g++ or clang++ on the PATH. Throws `EngineError` that says what to install. */
export function findCompiler(environment: NodeJS.ProcessEnv): string {
  const candidates = environment.CXX ? [environment.CXX] : compilers;
  const works = (compiler: string) =>
    spawnSync(compiler, ['--version'], { env: environment, stdio: 'ignore', timeout: 30_000 }).status === 0;
  const found = candidates.find(works);
  if (found !== undefined) return found;
  throw new EngineError(
    environment.CXX
      ? 'The C++ compiler named by CXX does not run.'
      : `A C++17 compiler is needed to build the addon of tfjs-node-gpu, and there is no ${compilers.join(', ')}.`,
    {
      where: environment.CXX ? `CXX=${environment.CXX}` : `PATH=${environment.PATH ?? ''}`,
      next:
        'Debian/Ubuntu: apt install g++ · Fedora: dnf install gcc-c++. Only engine eager needs it; tensorflow ' +
        'and xla do without.',
    },
  );
}

/**
 * Compiles the package unpacked in `staging/node_modules` to `binary`, against TensorFlow's headers. It is linked to no
 * library: whatever TensorFlow the process has loaded serves it, and Node-API keeps it usable with every later Node.
 * Throws `EngineError`.
 */
export function compileAddon(
  compiler: string,
  staging: string,
  tensorflowHeaders: string,
  binary: string,
  environment: NodeJS.ProcessEnv,
): void {
  const source = join(staging, 'node_modules', addonPackage.name, 'binding');
  mkdirSync(dirname(binary), { recursive: true });
  const nodeApi = join(staging, 'node_modules', nodeHeaders.name, 'include');
  const includes = [tensorflowHeaders, nodeApi].flatMap(folder => ['-I', folder]);
  const options = ['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-fvisibility=hidden'];
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map(name => join(source, name));
  runCommand(compiler, [...options, ...includes, ...sources, '-o', binary], staging, environment, {
    what: `${compiler} could not compile the addon of tfjs-node-gpu`,
    next: 'It takes C++17 (g++ 8 or newer, clang 7 or newer); choose another compiler with CXX.',
    missing: { what: `The compiler ${compiler} is gone.`, next: 'Install it again, or choose another with CXX.' },
  });
}
