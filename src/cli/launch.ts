/** The launchers: their flags, and the start of the tasks of a sweep. `gala sweep` and `gala reproduce` share them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError, StorageError } from '../errors.js';
import { shellWord } from '../io/shellWord.js';
import { sweepCommand } from '../sweep/command.js';
import type { LauncherSettings, Sweep, SweepTask } from '../sweep/manifest.js';
import type { Point } from '../sweep/points.js';
import type { SlurmOptions } from '../sweep/slurm/options.js';
import type { TaskStatus } from '../sweep/status.js';
import { CommandExit } from './failure.js';
import { parseCount, parseList } from './options.js';

export interface LauncherFlags {
  readonly launcher?: 'local' | 'slurm';
  readonly slots?: number;
  readonly gpus?: string[];
  readonly slurm?: string[];
}

export interface LaunchOptions {
  readonly quiet?: boolean | undefined;
  /** Called as each run ends. */
  readonly onEnd?: (status: TaskStatus) => void | Promise<void>;
  /** Whether a failed run ends the command with exit code 1 (default: true). */
  readonly failuresAreFatal?: boolean;
}

const failureExitCode = 1;

export function addLauncherOptions(command: Command): Command {
  return command
    .addOption(new Option('--launcher <launcher>', 'where runs go (default: local)').choices(['local', 'slurm']))
    .addOption(
      new Option('--slots <number>', 'local: runs at the same time (default: as many as the cores have room for)')
        .argParser(parseCount)
        .conflicts('gpus'),
    )
    .option('--gpus <list>', 'local: GPUs such as 0,1, a run at a time on each (CUDA_VISIBLE_DEVICES)', parseList)
    .option('--slurm <key=value...>', 'slurm: partition, time, gpus, cpus, mem, … (docs/sweeps.md)');
}

/** The settings of the launcher: flags have priority over the sweep file. Throws `ConfigError`. */
export async function launcherSettings(
  flags: LauncherFlags,
  points: readonly Point[],
  file: { launcher?: 'local' | 'slurm' | undefined; slurm?: Readonly<Record<string, unknown>> } = {},
): Promise<LauncherSettings> {
  const name = flags.launcher ?? file.launcher ?? 'local';
  refuseOtherFlags(name, flags);
  if (name === 'slurm') return { name, options: await slurmOptions(file.slurm ?? {}, flags.slurm ?? []) };
  const { slotsByCores } = await import('../sweep/plan.js');
  if (flags.gpus) return { name, slots: flags.gpus.length, gpus: flags.gpus };
  return { name, slots: flags.slots ?? slotsByCores(points) };
}

/** The options `before`, of which the `key=value` of each `--slurm` replace some. Throws `ConfigError`. */
async function slurmOptions(
  before: Readonly<Record<string, unknown>>,
  given: readonly string[],
): Promise<SlurmOptions> {
  const { parseSlurmOptions, slurmWarnings } = await import('../sweep/slurm/options.js');
  const { writtenList } = await import('../config/parse.js');
  const entries = given.map(text => {
    const equals = text.indexOf('=');
    if (equals < 1) {
      throw new ConfigError('--slurm wants key=value.', {
        where: `--slurm ${text}`,
        next: 'Such as --slurm partition=gpu time=4:00:00 gpus=1 cpus=8 mem=16G.',
      });
    }
    const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
    // Lists such as setup are YAML; any other value stays as it is written.
    return [key, value.startsWith('[') ? writtenList(value, `--slurm ${text}`) : value] as const;
  });
  const options = parseSlurmOptions({ ...before, ...Object.fromEntries(entries) }, 'slurm');
  for (const warning of slurmWarnings(options)) process.stderr.write(`${warning}\n`);
  return options;
}

/**
 * Starts the tasks of a sweep and returns when they have ended, or when SLURM has taken them. Throws `CommandExit` 1
 * where a local run failed, and 128 + the number of a signal after it.
 */
export async function launch(sweep: Sweep, tasks: readonly SweepTask[], options: LaunchOptions = {}): Promise<void> {
  const { launcher } = sweep.manifest;
  if (tasks.length === 0) return;
  requireWorkingFolder(sweep);
  if (launcher.name === 'slurm') {
    const { describeArrays, submitTasks } = await import('../sweep/slurm/submit.js');
    const ids = submitTasks(sweep, launcher.options, tasks);
    const next = sweepCommand('status', sweep);
    process.stderr.write(`Submitted: ${describeArrays(ids)} of ${tasks.length} tasks. See ${next}\n`);
    return;
  }
  const { runLocally } = await import('../sweep/localPool.js');
  const { createSweepDisplay } = await import('./display/sweepDisplay.js');
  const { lockFolder } = await import('../io/folderLock.js');
  const { signalExitCode } = await import('../train/signals.js');
  const lock = lockFolder(sweep.directory);
  const display = createSweepDisplay(sweep, tasks, { quiet: options.quiet });
  try {
    const onEnd = async (status: TaskStatus) => {
      display.onEnd(status);
      await options.onEnd?.(status);
    };
    const signal = await runLocally({ sweep, tasks, ...launcher, observer: { ...display, onEnd } });
    if (signal) {
      display.note(`Stopped and saved. Go on with: ${sweepCommand('resume', sweep)}`);
      throw new CommandExit(signalExitCode(signal));
    }
  } finally {
    display.stop();
    lock.release();
  }
  if (display.failures() > 0 && options.failuresAreFatal !== false) throw new CommandExit(failureExitCode);
}

/** For a missing working folder, the system's own error says that the program is missing. Throws `StorageError`. */
function requireWorkingFolder({ manifest: { cwd }, directory }: Sweep): void {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new StorageError('The folder in which the sweep was started is not there, and its runs start there.', {
    where: `${cwd}, from ${join(directory, 'sweep.json')}`,
    next: `Put the folder back (mkdir -p ${shellWord(cwd)}), or correct "cwd" in sweep.json.`,
  });
}

/** Throws `ConfigError` for a flag of the other launcher, which would have no effect. */
function refuseOtherFlags(name: 'local' | 'slurm', { slots, gpus, slurm }: LauncherFlags): void {
  const wrong = name === 'local' ? (slurm ? '--slurm' : undefined) : slots ? '--slots' : gpus ? '--gpus' : undefined;
  if (wrong === undefined) return;
  throw new ConfigError(`${wrong} has no effect with the launcher ${name}.`, {
    where: wrong,
    next: name === 'local' ? 'Add --launcher slurm.' : 'Use --slurm parallel=N or gpus=N.',
  });
}
