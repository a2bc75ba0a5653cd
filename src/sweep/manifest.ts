/**
 * `<output>/sweeps/<name>/`: what a sweep consists of, fixed when it is made. `sweep.json` (this file's schema),
 * `configs/<n>.yaml` (resolved: task n is `gala train --config` of it), `logs/<n>.log`, `exits/<n>` (exit code of the
 * last attempt), `submit-<k>.sh`. The runs themselves lie where all runs lie and are found by their config hash.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isExperimentName } from '../config/experimentName.js';
import { experimentName } from '../config/schema.js';
import { nearest } from '../config/suggest.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { diskFault, reasonOf } from '../io/faults.js';
import { makeFolderBelow, refuseLinksBelow } from '../io/makeFolder.js';
import { largestText, readRegularText } from '../io/regularFile.js';
import { describeVersions } from '../run/host.js';
import { sweepCommand } from './command.js';
import type { Point } from './points.js';
import { isJobId } from './slurm/answers.js';
import { slurmSchema } from './slurm/options.js';

const count = z.number().int().min(0);

/** The folders in the folder of a sweep. */
const parts = ['configs', 'logs', 'exits'] as const;

const taskSchema = z.strictObject({
  index: count,
  /** Name of the config. */
  config: experimentName,
  label: z.string(),
  seed: count,
  config_hash: z.string(),
  /** 0 for a stage that trains nothing. */
  epochs: count,
  /** The config leaves `threads` open; the count in `configs/<n>.yaml` is the share of the launcher. */
  shares_cores: z.literal(true).optional(),
});

const manifestSchema = z.strictObject({
  format: z.literal(1),
  name: z.string().refine(isSweepName, 'cannot name a sweep'),
  created_at: z.string(),
  gala: z.string(),
  command: z.array(z.string()),
  /** Working folder of the runs: relative paths in configs begin here. */
  cwd: z.string(),
  /** `--data`, absolute. */
  data: z.string().optional(),
  launcher: z.discriminatedUnion('name', [
    z.strictObject({ name: z.literal('local'), slots: z.number().int().min(1), gpus: z.array(z.string()).optional() }),
    z.strictObject({ name: z.literal('slurm'), options: slurmSchema }),
  ]),
  tasks: z.array(taskSchema).min(1),
  /** Job arrays in the order of their submission. */
  jobs: z.array(
    z.strictObject({
      id: z.string().refine(isJobId, 'no id of a SLURM job'),
      tasks: z.array(count),
      /** Index in the array = index of the task − this; 0 when left out. */
      first: count.optional(),
      submitted_at: z.string(),
    }),
  ),
});

export type SweepTask = z.output<typeof taskSchema>;
type SweepManifest = z.output<typeof manifestSchema>;
export type LauncherSettings = SweepManifest['launcher'];

export interface Sweep {
  /** Absolute. */
  readonly directory: string;
  /** The folder of runs, absolute. */
  readonly output: string;
  readonly manifest: SweepManifest;
}

export interface NewSweep {
  readonly name: string;
  readonly output: string;
  readonly data?: string | undefined;
  readonly launcher: LauncherSettings;
  /** As the user gave them: a run with `threads: auto` shares the cores with the others. */
  readonly points: readonly Point[];
}

/** The sweep that `createSweep` writes. */
export function draftSweep({ name, output, data, launcher, points }: NewSweep): Sweep {
  return {
    directory: sweepFolder(name, output),
    output: resolve(output),
    manifest: {
      format: 1,
      name,
      created_at: new Date().toISOString(),
      gala: describeVersions().gala,
      command: process.argv.slice(1),
      cwd: process.cwd(),
      ...(data !== undefined && { data: resolve(data) }),
      launcher,
      tasks: points.map(({ loaded: { config }, label, hash }, index) => ({
        index,
        config: config.name,
        label,
        seed: config.seed,
        config_hash: hash,
        epochs: config.train.epochs,
        ...(config.threads === 'auto' && { shares_cores: true as const }),
      })),
      jobs: [],
    },
  };
}

/**
 * Writes the manifest and the configs of a new sweep; a failure leaves nothing. Throws `ConfigError` where the name is
 * taken, `StorageError` for the disk.
 */
export function createSweep(sweep: Sweep, points: readonly Point[]): void {
  const { directory, manifest } = sweep;
  const folder = join(directory, '..');
  const draft = join(folder, `.${manifest.name}.${randomBytes(6).toString('hex')}`);
  const notMade = (cause: unknown) =>
    withRemedy(
      diskFault('Could not make the folder of the sweep', directory, cause),
      'Or choose another place with --runs.',
    );
  try {
    makeFolderBelow(sweep.output, 'sweeps');
    mkdirSync(draft);
  } catch (cause) {
    throw cause instanceof StorageError ? cause : notMade(cause);
  }
  try {
    for (const part of parts) mkdirSync(join(draft, part));
    for (const [index, { loaded }] of points.entries()) {
      writeFileAtomic(taskConfig({ directory: draft }, index), loaded.yaml);
    }
    writeManifest(draft, manifest);
    renameSync(draft, directory);
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true });
    if (existsSync(directory)) throw nameTaken(sweep);
    throw cause instanceof StorageError ? cause : notMade(cause);
  }
}

/** Removes a sweep of which no task was started; files of others in its folder stay. Throws `StorageError`. */
export function forgetSweep({ directory, manifest: { tasks } }: Sweep): void {
  const scripts = readdirSync(directory).filter(name => /^submit-\d+\.sh$/.test(name));
  try {
    for (const { index } of tasks) rmSync(taskConfig({ directory }, index), { force: true });
    for (const name of [...scripts, 'sweep.json']) rmSync(join(directory, name), { force: true });
    for (const folder of [...parts.map(part => join(directory, part)), directory]) rmdirSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTEMPTY')
      throw diskFault('Could not remove the sweep', directory, cause);
  }
}

/** Throws `ConfigError` where a sweep of this name exists. */
export function refuseTakenName(sweep: Sweep): void {
  if (existsSync(sweep.directory)) throw nameTaken(sweep);
}

/** Opens a sweep by name. Throws `ConfigError` when there is none, `StorageError` when its manifest is damaged. */
export function openSweep(name: string, output: string): Sweep {
  const directory = sweepFolder(name, output);
  for (const part of parts) refuseLinksBelow(output, 'sweeps', name, part);
  const path = join(directory, 'sweep.json');
  if (!existsSync(path)) {
    const near = nearest(name, listSweeps(output));
    const hint = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
    throw new ConfigError(`There is no sweep ${JSON.stringify(name)}.${hint}`, whichSweep(output));
  }
  const parsed = manifestSchema.extend({ name: z.literal(name) }).safeParse(jsonOf(path));
  if (parsed.success) return { directory, output: resolve(output), manifest: parsed.data };
  throw new StorageError(`The sweep’s manifest is not usable: ${reasonOf(parsed.error)}.`, {
    where: path,
    next:
      'It was changed by hand or written by another version of gala; its runs are whole, start a new sweep ' +
      'over them with another --name.',
  });
}

/** Place and remedy of an error about a command that lacks the name of a sweep. */
export function whichSweep(output: string): { where: string; next: string } {
  const names = listSweeps(output);
  return {
    where: resolve(output, 'sweeps'),
    next:
      names.length === 0
        ? 'There are no sweeps here: give with --runs the folder of runs of the sweep.'
        : `Give one of ${names.join(', ')}; with --runs a sweep of another folder of runs.`,
  };
}

export function isSweep(name: string, output: string): boolean {
  return isSweepName(name) && existsSync(join(sweepFolder(name, output), 'sweep.json'));
}

/** Names of all sweeps. */
export function listSweeps(output: string): string[] {
  const folder = resolve(output, 'sweeps');
  return (existsSync(folder) ? readdirSync(folder) : []).filter(name => existsSync(join(folder, name, 'sweep.json')));
}

/** Adds a submitted job array to the manifest and returns the changed sweep. Throws `StorageError`. */
export function recordJob(
  sweep: Sweep,
  id: string,
  { first, tasks }: { first: number; tasks: readonly number[] },
): Sweep {
  const job = { id, tasks: [...tasks], ...(first > 0 && { first }), submitted_at: new Date().toISOString() };
  const manifest = { ...sweep.manifest, jobs: [...sweep.manifest.jobs, job] };
  writeManifest(sweep.directory, manifest);
  return { ...sweep, manifest };
}

/** The first of `base`, `base-2`, `base-3`, … that is free. */
export function freeName(base: string, output: string): string {
  for (let copy = 1; ; copy++) {
    const name = copy === 1 ? base : `${base}-${copy}`;
    if (!existsSync(sweepFolder(name, output))) return name;
  }
}

export function taskConfig({ directory }: Pick<Sweep, 'directory'>, index: number): string {
  return join(directory, 'configs', `${index}.yaml`);
}

export function taskLog({ directory }: Pick<Sweep, 'directory'>, index: number): string {
  return join(directory, 'logs', `${index}.log`);
}

export function taskExit({ directory }: Pick<Sweep, 'directory'>, index: number): string {
  return join(directory, 'exits', String(index));
}

/** The folder of a sweep, absolute. Throws `ConfigError` for a name that cannot be one. */
export function sweepFolder(name: string, output: string): string {
  if (isSweepName(name)) return resolve(output, 'sweeps', name);
  throw new ConfigError(`${JSON.stringify(name)} cannot name a sweep.`, {
    where: '--name, or name in the sweep file',
    next: 'Use letters, digits, "_", "-" and ".", such as lambda1.',
  });
}

function isSweepName(name: string): boolean {
  return isExperimentName(name) && !name.includes('/');
}

function writeManifest(directory: string, manifest: SweepManifest): void {
  writeFileAtomic(join(directory, 'sweep.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readRegularText(path, largestText));
  } catch (cause) {
    throw new StorageError(`Could not read the sweep’s manifest: ${reasonOf(cause)}`, {
      where: path,
      next: 'Its runs are whole; start a new sweep over them with another --name.',
      cause,
    });
  }
}

function nameTaken(sweep: Sweep): ConfigError {
  if (!existsSync(join(sweep.directory, 'sweep.json'))) {
    return new ConfigError(`The folder of a sweep ${sweep.manifest.name} exists, but holds no sweep.`, {
      where: sweep.directory,
      next: 'Give another --name, or remove what is there.',
    });
  }
  return new ConfigError(`There is a sweep ${sweep.manifest.name} already.`, {
    where: sweep.directory,
    next:
      `Go on with it: ${sweepCommand('resume', sweep)}; or give this one another --name. What is trained ` +
      'already is not trained again.',
  });
}
