/** Fetches the pinned wheel with pip, which knows the user's index, proxies and certificates better than we could. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import { fileSizes } from './cache.js';
import type { WheelPin } from './pin.js';

/** A command that behaves as `pip`, with its leading arguments. */
export interface Pip {
  readonly command: string;
  readonly args: readonly string[];
}

/** Below the staging folder: the wheel, and pip's temporary files. The caller removes it. */
export const downloadFolder = 'download';
const pollMilliseconds = 200;
const linesShown = 6;

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
      ? 'pip is needed to fetch the engine, and python3 has none (nor is there uv).'
      : 'Python 3 with pip is needed to fetch the engine, and there is no python3 (nor uv).',
    {
      where: python ? 'python3 -m pip --version' : `PATH=${environment.PATH ?? ''}`,
      next: `${remedy} Without network: gala engine install --from FILE.whl`,
    },
  );
}

/**
 * Downloads the pinned wheel below `staging` and resolves to its path; `onBytes` hears how much is there.
 * Throws `EngineError` with pip's own last lines when it fails.
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
    ...['--python-version', pin.pythonVersion, '--platform', pin.platformTag],
    // The wheel would be kept a second time in pip's own cache, on a disk that nobody looked at.
    ...['--no-cache-dir', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'],
    `${pin.name}==${pin.version}`,
  ];
  const child = spawn(pip.command, args, {
    // pip unpacks into TMPDIR first: a small /tmp must not matter. A download changes no environment, so none is
    // required.
    env: { ...environment, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setInterval(() => onBytes(Math.max(0, ...fileSizes(download))), pollMilliseconds);
  const { code, lines } = await outcome(child).finally(() => clearInterval(timer));
  const wheel = readdirSync(folder).find(name => name.endsWith('.whl'));
  if (code !== 0 || wheel === undefined) throw downloadFailed(pin, pip, lines);
  return join(folder, wheel);
}

function runs(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): boolean {
  return spawnSync(command, args, { env: environment, stdio: 'ignore', timeout: 30_000 }).status === 0;
}

function outcome(child: ChildProcess): Promise<{ code: number | null; lines: string[] }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      const lines = output.split(/[\r\n]+/).filter(line => line.trim() !== '' && !line.startsWith('[notice]'));
      resolve({ code, lines: lines.slice(-linesShown) });
    });
  });
}

function downloadFailed(pin: WheelPin, pip: Pip, lines: readonly string[]): EngineError {
  const noSpace = lines.some(line => /No space left|Errno 28/.test(line));
  const said = lines.map(line => `    ${line}`).join('\n');
  return new EngineError(
    `pip could not download ${pin.name} ${pin.version}${noSpace ? ': the disk is full' : ''}. Its last lines:\n${said}`,
    {
      where: [pip.command, ...pip.args, 'download'].join(' '),
      next: noSpace
        ? 'Free some space, or put the cache on another disk: gala engine install --cache DIR.'
        : `Check the network and pip's index, then run it again. Without network: copy ${pin.wheel} here and ` +
          'run gala engine install --from FILE.whl',
    },
  );
}
