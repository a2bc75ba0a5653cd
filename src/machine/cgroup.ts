/** Limits of the control groups (v1 and v2) of this process, which containers, batch systems and systemd set. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CgroupLimits {
  /** CPU quota in cores, for instance 1.5; undefined without a quota. */
  readonly cpus?: number;
  readonly memory?: { readonly limitBytes: number; readonly usedBytes: number };
}

/** Version 1 has no word for "no limit": it gives a number near 2^63. */
const noLimitBytes = 2 ** 60;

/**
 * The tightest limits among the process's group and all visible groups above it. `root` is the folder with /proc and
 * /sys.
 */
export function cgroupLimits(root = '/'): CgroupLimits {
  const quotas = groupFolders(root, 'cpu')
    .map(quotaOf)
    .filter(quota => quota !== undefined);
  const memories = groupFolders(root, 'memory')
    .map(memoryOf)
    .filter(memory => memory !== undefined);
  const free = ({ limitBytes, usedBytes }: NonNullable<CgroupLimits['memory']>) => limitBytes - usedBytes;
  const [memory] = memories.sort((a, b) => free(a) - free(b));
  return { ...(quotas.length > 0 && { cpus: Math.min(...quotas) }), ...(memory && { memory }) };
}

/** Folders of the process's group for a controller and of the groups above it, as far as they are mounted. */
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
  /** The group that is mounted: `/`, or the container's own group. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Control groups in the lines of mountinfo (proc(5)): `36 35 0:31 ROOT POINT … - TYPE SOURCE OPTIONS`. */
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

/** mountinfo writes a blank in a path as `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * The path of a group relative to the mounted group; empty where the group lies outside of it, as in containers without
 * a cgroup namespace.
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
  // The system frees cached pages of files when memory is needed.
  const files = /^(?:total_)?inactive_file (\d+)$/m.exec(textOf(join(folder, 'memory.stat')))?.[1] ?? '0';
  return { limitBytes, usedBytes: Math.max(0, used - Number(files)) };
}

/** The number in a file; undefined for `max` and for a missing file. */
function numberIn(path: string): number | undefined {
  const text = textOf(path).trim();
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** The text of a file; empty where the file cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
