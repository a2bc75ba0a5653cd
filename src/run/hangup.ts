/** Whether this process was started to outlive its terminal, and so ignores SIGHUP, which a closed terminal sends. */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { isatty } from 'node:tty';

/** Determined when the process begins: its parent and its terminal may be gone later. */
export const outlivesTerminal = startedWithNohup();

/**
 * Under `nohup` the kernel ignores SIGHUP for the process, but Node undoes this before any script begins. Other signs
 * remain: nohup leaves no terminal on the standard streams, a script under nohup ignores SIGHUP itself, and a shell
 * names in `_` the program that it starts. Where no shell started this process and it has no terminal, nobody expects
 * that it ends with a terminal: true as well.
 */
function startedWithNohup(): boolean {
  if ([0, 1, 2].some(isatty)) return false;
  const named = basename(process.env._ ?? '');
  return named === 'nohup' || ignoresHangup(process.ppid) || !isStartedByShell(named);
}

/** Whether a shell started this program: `_` names it. A parent that is Node itself hands down its own `_`. */
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
