/**
 * One process per run folder. Each contender puts down a file whose *name* is its identity (process, start time, boot, host)
 * and then looks for others: no file is ever taken over, so two processes cannot both win, and a dead one's file is free to
 * delete because its identity never comes back.
 */
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { diskFault } from '../io/diskFault.js';

export interface RunLock {
  /** Gives the folder free; a second call does nothing. */
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process: tells it from a later process with the same pid. */
  readonly startTicks: string;
  /** Id of the boot of the machine, without dashes. */
  readonly boot: string;
  readonly host: string;
  /** The SLURM job it works in, and how often that job was started again. */
  readonly job: { readonly id: string; readonly restart: number } | undefined;
}

const filePattern = /^\.lock-(\d+)-(\d+)-([0-9a-f]+)-(.+?)(?:\+job(\d+)\.(\d+))?$/;
const attempts = 6;

/**
 * Locks a run folder for this process, until `release` or the end of the process (SIGKILL included).
 * Throws `StorageError` naming the pid when a live process holds it, this one included, or when the file cannot be written.
 */
export function lockFolder(folder: string): RunLock {
  const self = identify();
  const name = nameOf(self);
  const path = join(folder, name);
  for (let attempt = 1; ; attempt++) {
    announce(path, folder, self.pid);
    const other = liveHolder(folder, name, self);
    if (other === undefined) break;
    rmSync(path, { force: true });
    if (attempt === attempts) throw heldBy(other.holder, self, join(folder, other.file));
    // Two that came at the same moment both step back; unequal waits let one of them through.
    sleep(20 + Math.random() * 80);
  }
  return { release: () => release(path) };
}

/** On a disk that became read-only the file stays: the process that it names is about to end, and then it counts no more. */
function release(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // the error for which the folder is given free says more
  }
}

/** Whether a live process holds the folder. Deletes nothing. */
export function isLocked(folder: string): boolean {
  return liveHolderOf(folder) !== undefined;
}

/**
 * Removes the locks that processes on other hosts left in SLURM jobs that are over by `isOver`: killed without a chance to clean
 * up, they cannot be seen from here, but the batch system knows that they are gone.
 */
export function removeLocksOfJobs(folder: string, isOver: (job: string) => boolean): void {
  const self = identify();
  for (const name of readdirSync(folder)) {
    const holder = parseName(name);
    if (holder?.job && holder.host !== self.host && isOver(holder.job.id)) rmSync(join(folder, name), { force: true });
  }
}

/** The process that holds the folder, where it is one of this host. */
export function localHolder(folder: string): number | undefined {
  const holder = liveHolderOf(folder);
  return holder?.isLocal ? holder.pid : undefined;
}

/** The process that holds the folder, one of this host before one of another, which is taken to live. */
export function liveHolderOf(folder: string): { pid: number; host: string; isLocal: boolean } | undefined {
  const self = identify();
  const holders = readdirSync(folder)
    .map(parseName)
    .filter(holder => holder !== undefined && isAlive(holder, self))
    .map(holder => ({ pid: holder!.pid, host: holder!.host, isLocal: holder!.host === self.host }));
  return holders.find(({ isLocal }) => isLocal) ?? holders[0];
}

function announce(path: string, folder: string, pid: number): void {
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!taken) throw diskFault('Could not lock the run folder', folder, error);
    throw new StorageError(`This process (${pid}) already works in the run folder.`, {
      where: folder,
      next: 'Let one run at a time use the folder.',
      cause: error,
    });
  }
}

/** The first other live holder; files of dead ones are removed on the way. */
function liveHolder(folder: string, own: string, self: Holder): { holder: Holder; file: string } | undefined {
  for (const file of readdirSync(folder)) {
    const holder = file === own ? undefined : parseName(file);
    if (holder === undefined) continue;
    if (isAlive(holder, self)) return { holder, file };
    rmSync(join(folder, file), { force: true });
  }
  return undefined;
}

function isAlive(holder: Holder, self: Holder): boolean {
  // A process of another machine cannot be seen from here; a person has to decide. But SLURM starts a job again only when its
  // former processes are gone, wherever they were.
  if (holder.host !== self.host) {
    return !(holder.job && self.job && holder.job.id === self.job.id && holder.job.restart < self.job.restart);
  }
  return holder.boot === self.boot && startTicksOf(holder.pid) === holder.startTicks;
}

function parseName(name: string): Holder | undefined {
  const match = filePattern.exec(name);
  if (!match) return undefined;
  const [, pid, startTicks, boot, host, id, restart] = match;
  const job = id === undefined ? undefined : { id, restart: Number(restart) };
  return { pid: Number(pid), startTicks: startTicks!, boot: boot!, host: host!, job };
}

function nameOf({ pid, startTicks, boot, host, job }: Holder): string {
  return `.lock-${pid}-${startTicks}-${boot}-${host}${job ? `+job${job.id}.${job.restart}` : ''}`;
}

function identify(): Holder {
  const startTicks = startTicksOf(process.pid);
  if (startTicks === undefined) {
    throw new StorageError('The run folder cannot be locked without /proc.', {
      where: '/proc/self/stat',
      next: 'Run gala on Linux with /proc mounted.',
    });
  }
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll(/[^0-9a-f]/g, '');
  const { SLURM_JOB_ID: id, SLURM_RESTART_COUNT: restarts } = process.env;
  const job = id !== undefined && /^\d+$/.test(id) ? { id, restart: Number(restarts ?? 0) } : undefined;
  return { pid: process.pid, startTicks, boot, host: hostname(), job };
}

/** Field 22 of /proc/<pid>/stat; undefined for no such process and for a zombie, which writes nothing any more. */
function startTicksOf(pid: number): string | undefined {
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

function heldBy(holder: Holder, self: Holder, file: string): StorageError {
  const elsewhere = holder.host === self.host ? '' : ` on ${holder.host}`;
  return new StorageError(`Process ${holder.pid}${elsewhere} already works in this run folder.`, {
    where: file,
    next: elsewhere
      ? `Stop it there; if it is not running any more, delete this file.`
      : `Wait for it or stop it (kill ${holder.pid}); without --resume a new run folder is made.`,
  });
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
