/**
 * The arguments of `gala report`, `gala table` and `gala runs`: runs, and sweeps, which stand for their finished runs.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError } from '../errors.js';
import { runsAtName } from '../run/namedRun.js';
import { sweepCommand } from './command.js';
import { isSweep, openSweep, sweepFolder } from './manifest.js';
import { finishedIn, sweepStatus } from './status.js';

/**
 * The run folders of the arguments. The name of a sweep below `runs`, or its folder, gives the folders of its finished
 * runs in the order of the sweep; any other argument gives what `otherwise` returns. Throws `ConfigError` for a sweep
 * without a finished run.
 */
export function runsOf(
  given: readonly string[],
  runs: string,
  otherwise: (text: string, runs: string) => string = runsAtName,
): string[] {
  return given.flatMap(text => {
    const folder = sweepFolderOf(text, runs);
    return folder === undefined
      ? [otherwise(text, runs)]
      : finishedRuns(basename(resolve(folder)), resolve(folder, '..', '..'));
  });
}

/** The folder of a sweep given by its name or its folder; undefined for any other text. */
export function sweepFolderOf(text: string, runs: string): string | undefined {
  if (isSweep(text, runs)) return sweepFolder(text, runs);
  return existsSync(join(text, 'sweep.json')) ? text : undefined;
}

/** Folders of the finished runs of a sweep. Throws `ConfigError` where there are none, or no such sweep. */
function finishedRuns(name: string, runs: string): string[] {
  const sweep = openSweep(name, runs);
  const directories = finishedIn(sweepStatus(sweep)).map(({ directory }) => directory);
  if (directories.length > 0) return directories;
  throw new ConfigError(`The sweep ${name} has no finished run yet.`, {
    where: sweep.directory,
    next: `See how far it is: ${sweepCommand('status', sweep)}`,
  });
}
