/** Limits of control groups, from trees of files as containers and batch systems have them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cgroupLimits } from '../../src/machine/cgroup.js';
import { coresWithin } from '../../src/machine/cpu.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();
let trees = 0;

/** The root of a file system with these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = join(folder, String(trees++));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}

const mountV2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw';

test('v2: the narrowest of the group and of those above it counts', () => {
  const group = 'sys/fs/cgroup/system.slice/job_7';
  const files = {
    'proc/self/cgroup': '0::/system.slice/job_7/step_0',
    'proc/self/mountinfo': mountV2,
    [`${group}/step_0/cpu.max`]: 'max 100000',
    [`${group}/cpu.max`]: '150000 100000',
    'sys/fs/cgroup/system.slice/cpu.max': '400000 100000',
    [`${group}/memory.max`]: '2000000000',
    [`${group}/memory.current`]: '900000000',
    [`${group}/memory.stat`]: 'anon 100000000\ninactive_file 600000000\nactive_file 1',
    'sys/fs/cgroup/system.slice/memory.max': 'max',
  };
  const memory = { limitBytes: 2e9, usedBytes: 3e8 };
  assert.deepEqual(cgroupLimits(rootWith(files)), { cpus: 1.5, memory });
  const high = { ...files, [`${group}/memory.high`]: '1000000000' };
  assert.deepEqual(cgroupLimits(rootWith(high)).memory, { limitBytes: 1e9, usedBytes: 3e8 });
});

test('v2 in a container with a namespace of its own: the group is the root of the mount', () => {
  const files = {
    'proc/self/cgroup': '0::/',
    'proc/self/mountinfo': '1 2 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw',
    'sys/fs/cgroup/cpu.max': '50000 100000',
  };
  assert.deepEqual(cgroupLimits(rootWith(files)), { cpus: 0.5 });
});

test('v1 in a container without one: the path of the host is taken off as far as it is mounted', () => {
  const mounts = [
    '41 40 0:32 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct',
    '42 40 0:33 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
  ];
  const files = {
    'proc/self/cgroup': '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc',
    'proc/self/mountinfo': mounts.join('\n'),
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': '73741824',
    'sys/fs/cgroup/memory/memory.stat': 'cache 1\ntotal_inactive_file 3741824',
  };
  assert.deepEqual(cgroupLimits(rootWith(files)), {
    cpus: 2.5,
    memory: { limitBytes: 1073741824, usedBytes: 70000000 },
  });
});

test('A mount point with a blank in its name, and a group that lies outside of what is mounted', () => {
  const files = {
    'proc/self/cgroup': '0::/../other',
    'proc/self/mountinfo': String.raw`1 2 0:26 / /run/my\040groups rw - cgroup2 none rw`,
    'run/my groups/cpu.max': '100000 100000',
  };
  assert.deepEqual(cgroupLimits(rootWith(files)), { cpus: 1 });
});

test('No limits: none are set, the numbers stand for none, or there are no groups at all', () => {
  const unset = {
    'proc/self/cgroup': '4:cpu:/\n5:memory:/\n0::/',
    'proc/self/mountinfo': '4 2 0:3 / /c rw - cgroup none rw,cpu\n5 2 0:4 / /m rw - cgroup none rw,memory',
    'c/cpu.cfs_quota_us': '-1',
    'c/cpu.cfs_period_us': '100000',
    'm/memory.limit_in_bytes': '9223372036854771712',
  };
  assert.deepEqual(cgroupLimits(rootWith(unset)), {});
  assert.deepEqual(cgroupLimits(rootWith({ 'proc/self/cgroup': '' })), {});
  assert.deepEqual(cgroupLimits(join(folder, 'nothing')), {});
});

test('A quota is rounded up to whole cores, and never below one', () => {
  const quotas = [undefined, 0.1, 0.5, 1, 1.01, 3.5, 64] as const;
  assert.deepEqual(
    quotas.map(quota => coresWithin(8, quota)),
    [8, 1, 1, 1, 2, 4, 8],
  );
});
