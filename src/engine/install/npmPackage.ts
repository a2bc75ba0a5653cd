/**
 * Fetches pinned packages with npm, which knows the user's registry, proxies and certificates. None of their scripts
 * runs.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import { sha256OfFile } from '../../io/hash.js';
import type { PackagePin } from './addonPin.js';

const linesShown = 6;
const secondsPerCommand = 600;

/** Downloads and unpacks each package below `staging/node_modules`, under its name. Throws `EngineError`. */
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
    missing: {
      what: 'npm is needed to fetch tfjs-node-gpu, and there is none.',
      next: 'It comes with Node.js; Debian/Ubuntu: apt install npm',
    },
  });
  for (const pin of pins) {
    const tarball = join(tarballs, tarballName(pin));
    const found = await sha256OfFile(tarball);
    if (found !== pin.sha256) {
      throw new EngineError(
        `The package ${pin.name} ${pin.version} is not the pinned one: sha256 ${found}, expected ${pin.sha256}.`,
        {
          where: tarballName(pin),
          next: 'Run it again; if it persists, your registry or proxy serves another file than the official one.',
        },
      );
    }
    const folder = join(staging, 'node_modules', pin.name);
    mkdirSync(folder, { recursive: true });
    const unpack = ['-xzf', tarball, '-C', folder, '--strip-components=1', '--no-same-owner'];
    runCommand('tar', unpack, staging, environment, {
      what: `tar could not unpack ${tarballName(pin)}`,
      next: 'Free some space, or put the cache on another disk: gala engine install --eager --cache DIR.',
      missing: {
        what: 'tar is needed to unpack npm packages, and there is none.',
        next: 'Debian/Ubuntu: apt install tar',
      },
    });
  }
}

/** As `npm pack` names it. */
export function tarballName({ name, version }: PackagePin): string {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
}

interface Complaint {
  readonly what: string;
  readonly next: string;
  /** Where the command itself is not there. */
  readonly missing: { readonly what: string; readonly next: string };
}

/** Runs a command to its end. Throws `EngineError` with its own last lines when it fails. */
export function runCommand(
  command: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
  complaint: Complaint,
): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
    timeout: secondsPerCommand * 1000,
    maxBuffer: 64 * 2 ** 20,
  });
  if (status === 0) return;
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new EngineError(complaint.missing.what, {
      where: `PATH=${environment.PATH ?? ''}`,
      next: complaint.missing.next,
    });
  const lines = `${stdout ?? ''}\n${stderr ?? ''}\n${error?.message ?? ''}`
    .split('\n')
    .filter(line => line.trim() !== '');
  const said = lines
    .slice(-linesShown)
    .map(line => `    ${line}`)
    .join('\n');
  throw new EngineError(`${complaint.what}. Its last lines:\n${said}`, {
    where: [command, ...args].join(' '),
    next: complaint.next,
  });
}
