/** Disks that fail, for tests: a small file system of their own, and gala without root's right to write everywhere. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SmallDisk {
  /** Where it is seen from here: it is mounted in a name space of its own, so nothing is left when the test dies. */
  readonly path: string;
  /** Leaves at most `bytes` of room; undefined gives all of it back. */
  leave(bytes?: number): void;
  setReadOnly(isReadOnly: boolean): void;
  unmount(): void;
}

/** Why no file system can be mounted here; undefined when it can. */
export function whyNoMount(): string | undefined {
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'mounting a tmpfs (unshare --mount) is not allowed here';
}

/** Mounts a tmpfs of `bytes` at `folder`, seen only through `path`. */
export async function mountSmallDisk(folder: string, bytes: number): Promise<SmallDisk> {
  mkdirSync(folder, { recursive: true });
  const script = `mount -t tmpfs -o size=${bytes} tmpfs "$1" && echo mounted && exec cat`;
  // It holds the name space until its stdin closes, which the death of this process does too.
  const holder = spawn('unshare', ['--mount', 'bash', '-c', script, 'bash', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', code => reject(new Error(`the small disk could not be mounted: ${code}`)));
  });
  const path = `/proc/${holder.pid}/root${folder}`;
  const inside = (...command: string[]) => {
    const { status, stderr } = spawnSync('nsenter', ['--target', String(holder.pid), '--mount', ...command]);
    assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
  };
  const ballast = join(path, '.ballast');
  return {
    path,
    leave(room) {
      rmSync(ballast, { force: true });
      if (room !== undefined) writeFileSync(ballast, Buffer.alloc(Math.max(0, freeBytes(path) - room)));
    },
    setReadOnly: isReadOnly => inside('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, folder),
    unmount: () => holder.stdin.end(),
  };
}

/**
 * The command to put before another one so that permissions count, as they do for everybody but root; undefined where
 * root cannot give its rights up.
 */
export function obeyingPermissions(): readonly string[] | undefined {
  if (process.getuid?.() !== 0) return [];
  const rights = '-dac_override,-dac_read_search';
  const command = ['setpriv', `--bounding-set=${rights}`, `--inh-caps=${rights}`];
  return spawnSync(command[0]!, [...command.slice(1), 'true']).status === 0 ? command : undefined;
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
