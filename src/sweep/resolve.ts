/**
 * The arguments of `gala report`, `gala table` and `gala runs`: runs, and sweeps, which stand for their finished runs.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { nearest } from '../config/suggest.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { runsAtName, withoutSlash } from '../run/namedRun.js';
import { sweepCommand } from './command.js';
import { isSweep, listSweeps, openSweep, sweepFolder } from './manifest.js';
import { describeStates, finishedIn, sweepStatus } from './status.js';

/**
 * The run folders of the arguments. The name of a sweep below `runs`, or its folder, gives the folders of its finished
 * runs in the order of the sweep; any other argument gives what `otherwise` returns. Throws `ConfigError` for a sweep
 * without a finished run, `StorageError` where there is no run of the name.
 */
export function runsOf(
  given: readonly string[],
  runs: string,
  otherwise: (text: string, runs: string) => string | readonly string[] = runsAtName,
): string[] {
  return given.map(withoutSlash).flatMap(text => {
    const folder = sweepFolderOf(text, runs);
    if (folder !== undefined) return finishedRuns(basename(resolve(folder)), resolve(folder, '..', '..'));
    try {
      return otherwise(text, runs);
    } catch (error) {
      const near = nearest(text, listSweeps(runs));
      if (!(error instanceof StorageError) || near.length === 0) throw error;
      throw withRemedy(error, `There is a sweep ${near.join(' and ')}.`);
    }
  });
}

/** The folder of a sweep given by its name or its folder; undefined for any other text. */
export function sweepFolderOf(text: string, runs: string): string | undefined {
  if (isSweep(text, runs)) return sweepFolder(text, runs);
  return existsSync(join(text, 'sweep.json')) ? text : undefined;
}

/**
 * Folders of the finished runs of a sweep; stderr tells of others. Throws `ConfigError` where there are none, or no
 * such sweep.
 */
function finishedRuns(name: string, runs: string): string[] {
  const sweep = openSweep(name, runs);
  const statuses = sweepStatus(sweep);
  const directories = finishedIn(statuses).map(({ directory }) => directory);
  if (directories.length > 0 && directories.length < statuses.length)
    process.stderr.write(
      `Sweep ${name}, ${statuses.length} runs: ${describeStates(statuses)}. Taken are the finished ones.\n`,
    );
  if (directories.length > 0) return directories;
  throw new ConfigError(`The sweep ${name} has no finished run yet.`, {
    where: sweep.directory,
    next: `See how far it is: ${sweepCommand('status', sweep)}`,
  });
}
