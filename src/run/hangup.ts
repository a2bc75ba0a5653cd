/**
 * Whether this process was started to outlive its terminal: then SIGHUP, which a closed terminal sends, is nothing to
 * it.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { isatty } from 'node:tty';

/** As it was when the process began: its parent and its terminal may be gone later. */
export const outlivesTerminal = startedWithNohup();

/**
 * `nohup` has the kernel ignore SIGHUP, and Node takes that back before any script begins, so what else tells of it is
 * looked at. nohup leaves no terminal on the standard streams; a script under nohup ignores SIGHUP itself; and a shell
 * names in `_` the program that it starts. Where even that says nothing (a program that is no shell started this one,
 * without a terminal), nobody waits for an end at the terminal's: SIGHUP is ignored too.
 */
function startedWithNohup(): boolean {
  if ([0, 1, 2].some(isatty)) return false;
  const named = basename(process.env._ ?? '');
  return named === 'nohup' || ignoresHangup(process.ppid) || !isStartedByShell(named);
}

/**
 * Whether a shell started this very program: its `_` names it. Node as the parent hands down the `_` that it got
 * itself.
 */
function isStartedByShell(named: string): boolean {
  const own = [process.execPath, process.argv[1] ?? ''].map(path => basename(path));
  return own.includes(named) && exeOf(process.ppid) !== exeOf(process.pid);
}

function ignoresHangup(pid: number): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${ignored}`) & 1n) === 1n;
  } catch {
    return false;
  }
}

function exeOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}
