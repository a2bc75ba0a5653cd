/**
 * Makes this process take every file system for one that several machines share (NFS): no test can mount one. Loaded by
 * `--import` it does so for a whole process.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const nfs = 0x6969;
const { statfsSync } = fs;

/** Runs `action` with every file system taken for a shared one. */
export function onNetworkDisk<T>(action: () => T): T {
  pretend();
  try {
    return action();
  } finally {
    fs.statfsSync = statfsSync;
    syncBuiltinESMExports();
  }
}

function pretend(): void {
  fs.statfsSync = ((...args: Parameters<typeof statfsSync>) =>
    Object.assign(statfsSync(...args), { type: nfs })) as typeof statfsSync;
  syncBuiltinESMExports();
}

if (process.execArgv.some(option => option.includes('networkDisk'))) pretend();
