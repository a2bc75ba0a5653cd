/**
 * Downloads pinned wheels with pip and pinned packages with npm. Both know the user's registry, proxies and
 * certificates.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar';
import { EngineError } from '../../errors.js';
import { sha256OfFile } from '../../io/hash.js';
import { fileSizes } from './cache.js';
import type { PackagePin, WheelPin } from './pin.js';

/** A command that behaves as `pip`, with its first arguments. */
interface Pip {
  readonly command: string;
  readonly args: readonly string[];
}

/** The folder below a staging folder with the wheel and pip's temporary files. The caller removes it. */
export const downloadFolder = 'download';
const pollMilliseconds = 200;
const linesShown = 6;
const secondsPerCommand = 600;

/** Finds pip: `python3 -m pip`, else `uv tool run pip`. Throws `EngineError` that says what to install. */
export function findPip(environment: NodeJS.ProcessEnv): Pip {
  const python = runs('python3', ['--version'], environment);
  if (python && runs('python3', ['-m', 'pip', '--version'], environment)) {
    return { command: 'python3', args: ['-m', 'pip'] };
  }
  if (runs('uv', ['--version'], environment)) return { command: 'uv', args: ['tool', 'run', 'pip'] };
  const remedy = python
    ? 'Debian/Ubuntu: apt install python3-pip · Fedora: dnf install python3-pip · or install uv.'
    : 'Debian/Ubuntu: apt install python3 python3-pip · Fedora: dnf install python3 python3-pip · or install uv.';
  throw new EngineError(
    python
      ? 'pip is needed to download the engine: python3 has no pip, and there is no uv.'
      : 'Python 3 with pip is needed to download the engine: there is no python3, and no uv.',
    {
      where: python ? 'python3 -m pip --version' : `PATH=${environment.PATH ?? ''}`,
      next: `${remedy} Without network: gala engine install --from FILE.whl`,
    },
  );
}

/**
 * Downloads the pinned wheel below `staging` and resolves to its path. `onBytes` is called with the bytes downloaded so
 * far. Throws `EngineError` with pip's last lines when it fails.
 */
export async function downloadWheel(
  pip: Pip,
  pin: WheelPin,
  staging: string,
  environment: NodeJS.ProcessEnv,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const download = join(staging, downloadFolder);
  const folder = join(download, 'wheel');
  const temporary = join(download, 'tmp');
  for (const path of [folder, temporary]) mkdirSync(path, { recursive: true });
  const args = [
    ...pip.args,
    'download',
    ...['--dest', folder, '--no-deps', '--only-binary=:all:'],
    // The wheel's tags, which need not be those of the Python that runs pip.
    ...['--python-version', '3.11', '--platform', pin.wheel.split('-').at(-1)!.split('.')[0]!],
    // pip's own cache would keep the wheel a second time, on a disk whose free space was not checked.
    ...['--no-cache-dir', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'],
    `${pin.name}==${pin.version}`,
  ];
  const child = spawn(pip.command, args, {
    // pip writes to TMPDIR first, and /tmp may be small. PIP_REQUIRE_VIRTUALENV would refuse even a download.
    env: { ...environment, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  const timer = setInterval(() => onBytes(Math.max(0, ...fileSizes(download))), pollMilliseconds);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearInterval(timer));
  const wheel = readdirSync(folder).find(name => name.endsWith('.whl'));
  if (code === 0 && wheel !== undefined) return join(folder, wheel);
  const isDiskFull = /No space left|Errno 28/.test(output);
  throw new EngineError(
    `pip could not download ${pin.name} ${pin.version}${isDiskFull ? ': the disk is full' : ''}. ${lastLines(output)}`,
    {
      where: [pip.command, ...pip.args, 'download'].join(' '),
      next: isDiskFull
        ? 'Free some space, or put the cache on another disk: gala engine install --cache DIR.'
        : `Check the network and pip's index, then run it again. Without network: copy ${pin.wheel} here and ` +
          'run gala engine install --from FILE.whl',
    },
  );
}

/**
 * Downloads each package and unpacks it to `staging/node_modules/<name>`. No script of a package is run. Throws
 * `EngineError`.
 */
export async function fetchPackages(
  pins: readonly PackagePin[],
  staging: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const tarballs = join(staging, 'tarballs');
  mkdirSync(tarballs, { recursive: true });
  const specs = pins.map(({ name, version }) => `${name}@${version}`);
  const options = ['--ignore-scripts', '--prefer-offline', '--loglevel=error', '--pack-destination', tarballs];
  runCommand('npm', ['pack', ...options, ...specs], staging, environment, {
    what: `npm could not download ${specs.join(', ')}`,
    next: 'Check the network and npm’s registry (npm config get registry), then run it again.',
  });
  for (const pin of pins) {
    const name = tarballName(pin);
    const file = join(tarballs, name);
    await requireSha256(`package ${pin.name} ${pin.version}`, file, pin.sha256, {
      where: name,
      next: 'Run it again; if it persists, your registry or proxy serves another file than the official one.',
    });
    const folder = join(staging, 'node_modules', pin.name);
    mkdirSync(folder, { recursive: true });
    await extract({ file, cwd: folder, strip: 1, preserveOwner: false });
  }
}

/** The file name that `npm pack` gives to a package. */
export function tarballName({ name, version }: PackagePin): string {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
}

/** Throws `EngineError` with both checksums unless a file has the pinned sha256. */
export async function requireSha256(
  what: string,
  file: string,
  expected: string,
  place: { readonly where: string; readonly next: string },
): Promise<void> {
  const found = await sha256OfFile(file);
  if (found === expected) return;
  throw new EngineError(`The ${what} is not the pinned one: sha256 ${found}, expected ${expected}.`, place);
}

/** Runs a command to its end. Throws `EngineError` with the command's last lines when it fails. */
export function runCommand(
  command: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
  failure: { readonly what: string; readonly next: string },
): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
    timeout: secondsPerCommand * 1000,
    maxBuffer: 64 * 2 ** 20,
  });
  if (status === 0) return;
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new EngineError(`${command} is needed for this installation, and it is not on the PATH.`, {
      where: `PATH=${environment.PATH ?? ''}`,
      next: command === 'npm' ? 'npm comes with Node.js; Debian/Ubuntu: apt install npm' : `Install ${command}.`,
    });
  }
  throw new EngineError(`${failure.what}. ${lastLines([stdout, stderr, error?.message].join('\n'))}`, {
    where: [command, ...args].join(' '),
    next: failure.next,
  });
}

/** Whether a command can be started and succeeds. */
export function runs(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): boolean {
  return spawnSync(command, args, { env: environment, stdio: 'ignore', timeout: 30_000 }).status === 0;
}

function lastLines(output: string): string {
  const lines = output.split(/[\r\n]+/).filter(line => line.trim() !== '' && !line.startsWith('[notice]'));
  const shown = lines.slice(-linesShown).map(line => `    ${line}`);
  return `Its last lines:\n${shown.join('\n')}`;
}
