/** The software versions, host and code of a run. */
import { spawnSync } from 'node:child_process';
import { fstatSync, readFileSync, readlinkSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import { usableCores } from '../machine/cpu.js';

export interface Versions {
  readonly gala: string;
  readonly node: string;
}

export interface Host {
  readonly name: string;
  readonly cpu: string;
  /** Cores this process may use. */
  readonly cores: number;
  readonly memory_bytes: number;
  readonly platform: string;
}

export interface GitState {
  readonly commit: string;
  /** Whether tracked files differ from the commit. */
  readonly dirty: boolean;
}

/** Versions of gala (its package.json) and Node. */
export function describeVersions(): Versions {
  const packageFile = join(import.meta.dirname, '../../../package.json');
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return { gala: version, node: process.versions.node };
}

/** CPU model, usable cores and memory of this machine. */
export function describeHost(): Host {
  return {
    name: hostname(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: usableCores(),
    memory_bytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
  };
}

/** The file to which this process writes its messages (stderr); undefined for a terminal, a pipe, or without /proc. */
export function describeLog(): string | undefined {
  try {
    return fstatSync(2).isFile() ? readlinkSync('/proc/self/fd/2') : undefined;
  } catch {
    return undefined;
  }
}

/** Git commit of a folder; undefined without git, outside a repository, or before its first commit. */
export function describeGit(folder: string): GitState | undefined {
  const commit = git(folder, 'rev-parse', '--verify', 'HEAD');
  if (commit === undefined) return undefined;
  const changes = git(folder, 'status', '--porcelain', '--untracked-files=no');
  return { commit, dirty: changes !== '' };
}

function git(folder: string, ...command: string[]): string | undefined {
  // A repository that came from somebody else could name a program as its file system monitor.
  const { status, stdout } = spawnSync('git', ['--no-optional-locks', '-c', 'core.fsmonitor=false', ...command], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 5000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : undefined;
}
