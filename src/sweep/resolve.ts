/** What `gala report` and `gala table` take: run folders, and names of sweeps for all finished runs of each. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError } from '../errors.js';
import { sweepCommand } from './advice.js';
import { isSweep, openSweep } from './manifest.js';
import { finishedIn, sweepStatus } from './status.js';

/**
 * Each argument that is the name of a sweep below `output`, or its folder, becomes the folders of its finished runs, in the order of the sweep; any
 * other argument stays as it is. Throws `ConfigError` for a sweep without a finished run.
 */
export function runsOf(argumentsGiven: readonly string[], output: string): string[] {
  return argumentsGiven.flatMap(given => {
    if (isSweep(given, output)) return finishedRuns(given, output);
    const isFolderOfSweep = existsSync(join(given, 'sweep.json'));
    return isFolderOfSweep ? finishedRuns(basename(resolve(given)), resolve(given, '..', '..')) : [given];
  });
}

/** Folders of the finished runs of a sweep. Throws `ConfigError` where there are none, or no such sweep. */
function finishedRuns(name: string, output: string): string[] {
  const sweep = openSweep(name, output);
  const directories = finishedIn(sweepStatus(sweep));
  if (directories.length > 0) return directories;
  throw new ConfigError(`The sweep ${name} has no finished run yet.`, {
    where: sweep.directory,
    next: `See how far it is: ${sweepCommand('status', sweep)}`,
  });
}
