/** Limits of the control groups (v1 and v2) that this process is in: those of containers, batch systems and systemd. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CgroupLimits {
  /** CPU time per time, for instance 1.5 cores; undefined without a quota. */
  readonly cpus?: number;
  readonly memory?: { readonly limitBytes: number; readonly usedBytes: number };
}

/** Above this a limit of v1 stands for none: the largest multiple of a page in 63 bits, or near to it. */
const noLimitBytes = 2 ** 60;

/**
 * The narrowest limits of the group and of all groups above it that can be seen; `root` is where /proc and /sys are.
 */
export function cgroupLimits(root = '/'): CgroupLimits {
  const quotas: number[] = [];
  const memories: NonNullable<CgroupLimits['memory']>[] = [];
  for (const folder of groupFolders(root, 'cpu')) {
    const quota = quotaOf(folder);
    if (quota !== undefined) quotas.push(quota);
  }
  for (const folder of groupFolders(root, 'memory')) {
    const memory = memoryOf(folder);
    if (memory !== undefined) memories.push(memory);
  }
  const free = ({ limitBytes, usedBytes }: { limitBytes: number; usedBytes: number }) => limitBytes - usedBytes;
  const [memory] = memories.sort((a, b) => free(a) - free(b));
  return { ...(quotas.length > 0 && { cpus: Math.min(...quotas) }), ...(memory && { memory }) };
}

/** Folders of the process's groups that a controller may limit, from its own to the topmost that is mounted here. */
function groupFolders(root: string, controller: string): string[] {
  const mounts = mountsOf(root);
  const groups = textOf(join(root, 'proc/self/cgroup')).split('\n').filter(Boolean);
  return groups.flatMap(line => {
    const [id, controllers, ...path] = line.split(':');
    const isUnified = id === '0' && controllers === '';
    if (!isUnified && !controllers?.split(',').includes(controller)) return [];
    return mounts
      .filter(({ type, options }) =>
        isUnified ? type === 'cgroup2' : type === 'cgroup' && options.includes(controller),
      )
      .flatMap(mount => foldersUpward(join(root, mount.point), below(mount.root, path.join(':'))));
  });
}

interface Mount {
  /** The group that is mounted: `/`, or in a container its own. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Lines of mountinfo (proc(5)): `36 35 0:31 ROOT POINT … - TYPE SOURCE OPTIONS`. */
function mountsOf(root: string): Mount[] {
  return textOf(join(root, 'proc/self/mountinfo'))
    .split('\n')
    .flatMap(line => {
      const [place, kind] = line.split(' - ');
      const [type, , options] = kind?.split(' ') ?? [];
      if (type !== 'cgroup' && type !== 'cgroup2') return [];
      const [, , , mountRoot, point] = place!.split(' ').map(unescaped);
      return [{ root: mountRoot!, point: point!, type, options: options?.split(',') ?? [] }];
    });
}

/** Blanks in paths of mountinfo are written as `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * The path of a group below what is mounted; nothing where the group lies outside, as in containers without a namespace
 * for groups.
 */
function below(mountRoot: string, group: string): string {
  const above = mountRoot === '/' ? '' : mountRoot;
  return group.startsWith(`${above}/`) && !group.includes('/..') ? group.slice(above.length) : '';
}

function foldersUpward(mountPoint: string, path: string): string[] {
  const steps = path.split('/').filter(Boolean);
  return Array.from({ length: steps.length + 1 }, (_, up) => join(mountPoint, ...steps.slice(0, steps.length - up)));
}

function quotaOf(folder: string): number | undefined {
  const [quota, period] = textOf(join(folder, 'cpu.max')).trim().split(' ').map(Number);
  if (quota && period) return quota / period;
  const [quotaV1, periodV1] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map(name => numberIn(join(folder, name)));
  return quotaV1 !== undefined && quotaV1 > 0 && periodV1 ? quotaV1 / periodV1 : undefined;
}

function memoryOf(folder: string): CgroupLimits['memory'] {
  const limits = ['memory.max', 'memory.high', 'memory.limit_in_bytes'].map(name => numberIn(join(folder, name)));
  const limitBytes = Math.min(...limits.map(limit => limit ?? Number.POSITIVE_INFINITY));
  if (limitBytes >= noLimitBytes) return undefined;
  const used = numberIn(join(folder, 'memory.current')) ?? numberIn(join(folder, 'memory.usage_in_bytes')) ?? 0;
  // Pages of files are given back when memory is wanted.
  const files = /^(?:total_)?inactive_file (\d+)$/m.exec(textOf(join(folder, 'memory.stat')))?.[1] ?? '0';
  return { limitBytes, usedBytes: Math.max(0, used - Number(files)) };
}

/** The number that a file holds; undefined for `max`, and for a file that is not there. */
function numberIn(path: string): number | undefined {
  const text = textOf(path).trim();
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
