/** `gala sweep status|resume|cancel NAME`: shows the state of a sweep, continues it, stops it. */
import type { Command } from 'commander';
import { ConfigError } from '../../errors.js';
import { displayPath } from '../../io/homePath.js';
import { sweepCommand } from '../../sweep/command.js';
import type { Sweep } from '../../sweep/manifest.js';
import type { TaskStatus } from '../../sweep/status.js';
import { printJson, tableWidth } from '../display/output.js';
import { addLauncherOptions, type LauncherFlags, launch, launcherSettings } from '../launch.js';
import { addRunsOption, wideOption } from '../options.js';

interface NamedFlags {
  readonly runs: string;
}

export function registerSweepStatusCommands(sweep: Command): void {
  const named = (name: string, description: string) =>
    addRunsOption(sweep.command(name), true).description(description).argument('[name]', 'name of the sweep');

  named('status', 'how far each run is, and the table of the finished ones')
    .addOption(wideOption())
    .option('--json', 'print JSON')
    .action(printStatus);

  addLauncherOptions(named('resume', 'go on with the runs that are stopped, failed or not started'))
    .option('--quiet', 'print the table only, and failures')
    .action(resume);

  named('cancel', 'stop the runs that wait or run; they save first').action(cancel);
}

interface StatusFlags extends NamedFlags {
  readonly json?: boolean;
  readonly wide?: boolean;
}

/** The sweep that the command names. Throws `ConfigError` that lists the sweeps where it names none of them. */
async function namedSweep(name: string | undefined, runs: string): Promise<Sweep> {
  const { openSweep, whichSweep } = await import('../../sweep/manifest.js');
  if (name === undefined) throw new ConfigError('No sweep is named.', whichSweep(runs));
  return openSweep(name, runs);
}

async function printStatus(given: string | undefined, { runs, json, wide }: StatusFlags): Promise<void> {
  const { describeStates, scoresOf, statusColumns, sweepStatus } = await import('../../sweep/status.js');
  const { formatTable } = await import('../../tables/format.js');
  const sweep = await namedSweep(given, runs);
  const statuses = sweepStatus(sweep);
  const { name, tasks, launcher } = sweep.manifest;
  if (json) {
    const shown = statuses.map(status => {
      const { task, finished: _, ...facts } = status;
      const { plain, rebalanced } = scoresOf(status);
      return { ...task, ...facts, top1: plain?.top1, top1Rebalanced: rebalanced?.top1 };
    });
    printJson({ name, launcher: launcher.name, tasks: shown });
    return;
  }
  const columns = statusColumns.filter(({ key }) => key !== 'job' || launcher.name === 'slurm');
  process.stdout.write(`${formatTable(statuses, columns, 'terminal', { wide, width: tableWidth() })}\n\n`);
  process.stdout.write(`Sweep ${name}, ${tasks.length} runs: ${describeStates(statuses)}.\n`);
  await printSweepTable(sweep, { statuses, wide });
}

/** Prints the table of `gala table NAME` over the finished runs; nothing where none is finished. */
export async function printSweepTable(
  sweep: Sweep,
  { statuses, wide }: { statuses?: readonly TaskStatus[]; wide?: boolean | undefined } = {},
): Promise<void> {
  const { finishedIn, sweepStatus } = await import('../../sweep/status.js');
  const { formatGroups, groupRuns } = await import('../../results/tableOfRuns.js');
  const finished = finishedIn(statuses ?? sweepStatus(sweep));
  if (finished.length === 0) return;
  process.stdout.write(`\n${formatGroups(groupRuns(finished), 'terminal', { wide, width: tableWidth() })}\n`);
}

async function resume(
  name: string | undefined,
  flags: NamedFlags & LauncherFlags & { quiet?: boolean },
): Promise<void> {
  const { removeLeftLocks } = await import('../../sweep/leftLocks.js');
  const { shareCoresAgain } = await import('../../sweep/plan.js');
  const { isJobOver } = await import('../../sweep/slurm/client.js');
  const { isOpen, sweepStatus } = await import('../../sweep/status.js');
  const sweep = await withLauncher(await namedSweep(name, flags.runs), flags);
  refuseRunning(sweep, await holderOf(sweep));
  const statuses = sweepStatus(sweep);
  const open = statuses.filter(isOpen);
  const counts = (state: TaskStatus['state']) => statuses.filter(status => status.state === state).length;
  for (const state of ['finished', 'running', 'waiting', 'diverged'] as const) {
    if (counts(state) > 0) process.stderr.write(`${counts(state)} ${state}: left alone.\n`);
  }
  if (open.length === 0) process.stderr.write('Nothing to resume.\n');
  removeLeftLocks(sweep, open, isJobOver);
  const tasks = open.map(({ task }) => task);
  shareCoresAgain(sweep, open);
  try {
    await launch(sweep, tasks, { quiet: flags.quiet });
  } finally {
    if (sweep.manifest.launcher.name === 'local') await printSweepTable(sweep);
  }
}

/** The sweep with the launcher that the flags name; without flags, its own. */
async function withLauncher(sweep: Sweep, flags: LauncherFlags): Promise<Sweep> {
  const before = sweep.manifest.launcher;
  if (!flags.launcher && !flags.slots && !flags.gpus && !flags.slurm) return sweep;
  const launcher = await launcherSettings(flags, [], {
    launcher: before.name,
    ...(before.name === 'slurm' && { slurm: before.options }),
  });
  return { ...sweep, manifest: { ...sweep.manifest, launcher } };
}

async function cancel(name: string | undefined, { runs }: NamedFlags): Promise<void> {
  const { sweepStatus } = await import('../../sweep/status.js');
  const sweep = await namedSweep(name, runs);
  const pid = await holderOf(sweep);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    process.stderr.write(`Told process ${pid} to stop; its runs save first.\n`);
    return;
  }
  const active = sweepStatus(sweep).filter(({ state }) => state === 'running' || state === 'waiting');
  if (active.length === 0) process.stderr.write('Nothing waits or runs.\n');
  const jobs = active.flatMap(({ job }) => job ?? []);
  if (jobs.length > 0) {
    const { cancelJobs } = await import('../../sweep/slurm/client.js');
    cancelJobs(jobs);
    process.stderr.write(`Cancelled ${jobs.length} task${jobs.length === 1 ? '' : 's'}; running ones save first.\n`);
  }
  await stopRuns(active.flatMap(({ job, directory }) => (job === undefined && directory ? [directory] : [])));
}

/** Stops runs whose launcher is gone, one by one; of a run on another machine it prints how to stop it there. */
async function stopRuns(directories: readonly string[]): Promise<void> {
  const { liveHolderOf } = await import('../../io/folderLock.js');
  for (const directory of directories) {
    const holder = liveHolderOf(directory);
    if (holder === undefined) continue; // it has just ended
    const run = displayPath(directory);
    if (holder.isLocal) process.kill(holder.pid, 'SIGTERM');
    process.stderr.write(
      holder.isLocal
        ? `Told process ${holder.pid} to stop; it saves first: ${run}\n`
        : `Process ${holder.pid}${holder.place} works in ${run}: stop it there (kill ${holder.pid}).\n`,
    );
  }
}

async function holderOf(sweep: Sweep): Promise<number | undefined> {
  const { localHolder } = await import('../../io/folderLock.js');
  return localHolder(sweep.directory);
}

function refuseRunning(sweep: Sweep, pid: number | undefined): void {
  if (pid === undefined) return;
  throw new ConfigError(`Process ${pid} runs this sweep already.`, {
    where: sweep.directory,
    next: `Wait for it, or stop it: ${sweepCommand('cancel', sweep)}`,
  });
}
