/** The holder of a lock: the process that the name of a lock file identifies, and whether it still lives. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { StorageError } from '../errors.js';
import { isFileHeld } from './kernelLock.js';

export interface Holder {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process, because a later process may have the same pid. */
  readonly startTicks: string;
  /** Id of the boot of the machine, without dashes: all containers of a running machine share it. */
  readonly boot: string;
  /** Number of the PID namespace to which `pid` belongs; undefined in files of an older gala. */
  readonly namespace: string | undefined;
  /** Digest of the machine's id; empty where it has none, as in most containers. */
  readonly machine: string;
  readonly host: string;
  /** Its SLURM job, and how often SLURM restarted the job. */
  readonly job: { readonly id: string; readonly restart: number } | undefined;
}

const namePattern = /^\.lock-(\d+)-(\d+)-([0-9a-f]+)-(?:ns(\d+)\.\d+-([0-9a-f]*)-)?(.+?)(?:\+job(\d+)\.(\d+))?$/;

/**
 * Types of file systems that only one machine can mount: ext2–4, XFS, Btrfs, tmpfs, ramfs, ZFS, overlayfs, F2FS,
 * bcachefs, FAT, exFAT, NTFS.
 */
const localFileSystems = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x2fc12fc1, 0x794c7630, 0xf2f52010, 0xca451a4e, 0x4d44,
  0x2011bab0, 0x7366746e,
]);

/** This process. Throws `StorageError` without /proc. */
export function thisProcess(): Holder {
  const startTicks = startTicksOf('self');
  if (startTicks === undefined) {
    throw new StorageError('A folder cannot be locked without /proc.', {
      where: '/proc/self/stat',
      next: 'Run gala on Linux with /proc mounted.',
    });
  }
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll(/[^0-9a-f]/g, '');
  const namespace = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '');
  const { SLURM_JOB_ID: id, SLURM_RESTART_COUNT: restarts } = process.env;
  const job = id !== undefined && /^\d+$/.test(id) ? { id, restart: Number(restarts ?? 0) } : undefined;
  return { pid: process.pid, startTicks, boot, namespace, machine: machineDigest(), host: hostname(), job };
}

/** The name of the lock file. `number` differs for each lock of a process, so that no name is used twice. */
export function nameOfLock({ pid, startTicks, boot, namespace, machine, host, job }: Holder, number: number): string {
  const restart = job ? `+job${job.id}.${job.restart}` : '';
  return `.lock-${pid}-${startTicks}-${boot}-ns${namespace}.${number}-${machine}-${host}${restart}`;
}

/** The holder that the name of a lock file identifies; undefined for the name of another file. */
export function parseLockName(name: string): Holder | undefined {
  const match = namePattern.exec(name);
  if (!match) return undefined;
  const [, pid, startTicks, boot, namespace, machine = '', host, id, restart] = match;
  const job = id === undefined ? undefined : { id, restart: Number(restart) };
  return { pid: Number(pid), startTicks: startTicks!, boot: boot!, namespace, machine, host: host!, job };
}

/**
 * Whether the holder of the lock file at `path` lives. Where this cannot be known the answer is true: an unnecessary
 * refusal costs a command, but two processes in one folder cost the run.
 */
export function isAlive(holder: Holder, path: string): boolean {
  const here = thisProcess();
  const isHeld = isFileHeld(path);
  if (isHeld) return true;
  if (isOnThisMachine(holder)) return isVisible(holder) ? isRunning(holder) : isHeld === undefined;
  // Otherwise the holder ran before a reboot of this machine, or on another machine that shares the disk. The name and
  // id of the machine tell which.
  const isSameMachine = holder.machine !== '' && holder.machine === here.machine && holder.host === here.host;
  if (isSameMachine || localFileSystems.has(statfsSync(dirname(path)).type)) return false;
  // SLURM restarts a job only when its earlier processes have ended, on every machine.
  return !(holder.job && here.job && holder.job.id === here.job.id && holder.job.restart < here.job.restart);
}

/** Whether this process can look up the holder's pid and send it a signal. */
export function isVisible(holder: Holder): boolean {
  const { namespace, host } = thisProcess();
  return (
    isOnThisMachine(holder) && (holder.namespace === undefined ? holder.host === host : holder.namespace === namespace)
  );
}

export function isOnThisMachine({ boot }: Holder): boolean {
  return boot === thisProcess().boot;
}

function isRunning({ pid, startTicks }: Holder): boolean {
  return startTicksOf(pid) === startTicks;
}

/** A digest, because the id itself is confidential (machine-id(5)). */
function machineDigest(): string {
  try {
    const id = readFileSync('/etc/machine-id', 'latin1').trim();
    return id === '' ? '' : createHash('sha256').update(`gala ${id}`).digest('hex').slice(0, 12);
  } catch {
    return '';
  }
}

/** Field 22 of /proc/<pid>/stat; undefined where there is no such process or only a zombie, which writes nothing. */
function startTicksOf(pid: number | 'self'): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command name in parentheses may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
