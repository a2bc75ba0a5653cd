/** `gala sweep`: many runs from one command. Prints the plan, launches the runs, prints the table. */
import { basename, parse } from 'node:path';
import { type Command, Option } from 'commander';
import { asNamePart } from '../../config/experimentName.js';
import { ConfigError } from '../../errors.js';
import { displayPath } from '../../io/homePath.js';
import { reportCommand } from '../../sweep/command.js';
import type { Sweep, SweepTask } from '../../sweep/manifest.js';
import { printData } from '../display/output.js';
import { addLauncherOptions, type LauncherFlags, launch, launcherSettings } from '../launch.js';
import { addRunsOption, configArgument, dataOption, parseSeeds, withWords } from '../options.js';
import { printPlan } from './sweepPlan.js';
import { printSweepTable, registerSweepStatusCommands } from './sweepStatus.js';

interface SweepFlags extends LauncherFlags {
  readonly config?: string;
  readonly file?: string;
  readonly set?: string[];
  readonly seeds?: number[];
  readonly name?: string;
  readonly data?: string;
  readonly runs: string;
  readonly estimate?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
}

export function registerSweepCommand(program: Command): void {
  const sweep = program
    .command('sweep')
    .description('many runs: seeds × losses × datasets, on this machine or as a SLURM job array')
    .addHelpText(
      'after',
      '\n`gala sweep --config …` is `gala sweep start --config …`; `gala sweep start --help` shows its options.',
    );
  const start = addRunsOption(sweep.command('start', { isDefault: true }), true)
    .description('plan a sweep and run it (the default)')
    .addArgument(configArgument())
    .option('--config <config>', 'what is varied: a YAML file, or a name of `gala config list`')
    .option('--file <file>', 'a sweep file: grid, list, exclude (docs/sweeps.md); the flags have priority over it')
    .option('--set <key=value,value...>', 'set a key, or vary it, such as --set loss.lambda1=1.0,1.2 train.epochs=30')
    .option('--seeds <list>', 'seeds of every run, such as 0,1,2; they draw the long-tailed subset too', parseSeeds)
    .option('--name <name>', 'name of the sweep (default: that of the file or config)')
    .addOption(dataOption());
  addLauncherOptions(start)
    .addOption(new Option('--estimate', 'measure the time it will take first (default with the launcher local)'))
    .option('--no-estimate', 'do not')
    .option('--dry-run', 'print the plan only, or, for slurm, the batch script on stdout')
    .option('--quiet', 'print the plan and the table only, and failures')
    .action((words: string[], flags: SweepFlags) => startSweep(withWords(words, flags)));
  registerSweepStatusCommands(sweep);
}

async function startSweep(flags: SweepFlags): Promise<void> {
  const { expandPoints } = await import('../../sweep/points.js');
  const { createSweep, draftSweep, freeName, refuseTakenName } = await import('../../sweep/manifest.js');
  const { isToDo, planPoints, requireData, shareCores } = await import('../../sweep/plan.js');
  const { spec, file } = await specOf(flags);
  const { points: asGiven, notes } = expandPoints(spec);
  for (const note of notes) process.stderr.write(`${note}\n`);

  const launcher = await launcherSettings(flags, asGiven, file);
  const points = shareCores(asGiven, launcher);
  const stem = flags.file === undefined ? basename(points[0]!.loaded.config.name) : parse(flags.file).name;
  const name = flags.name ?? file?.name ?? freeName(asNamePart(stem), flags.runs);
  const draft = draftSweep({ name, output: flags.runs, data: flags.data, launcher, points: asGiven });
  refuseTakenName(draft);

  const planned = planPoints(points, flags.runs);
  const isExport = flags.dryRun === true && launcher.name === 'slurm';
  await printPlan(planned, launcher, {
    data: flags.data,
    estimate: flags.estimate ?? (launcher.name === 'local' && !flags.quiet),
    stream: isExport ? process.stderr : process.stdout,
  });
  const open = planned.filter(isToDo);
  const tasks = open.map(({ index }) => draft.manifest.tasks[index]!);
  if (isExport) {
    const { batchScripts } = await import('../../sweep/slurm/submit.js');
    const scripts = batchScripts(draft, launcher.options, tasks);
    if (scripts.length > 1)
      process.stderr.write(`${scripts.length} job arrays (the cluster's MaxArraySize), a script for each.\n`);
    printData(scripts.map(({ script }) => script).join(''));
  }
  if (flags.dryRun) return;
  // A run to resume remembers its data folder, and the machines of a cluster may have another.
  if (launcher.name === 'local' && open.every(({ found }) => found === undefined)) {
    await requireData(
      open.map(({ point }) => point),
      flags.data,
    );
  }
  createSweep(draft, points);
  process.stderr.write(`Sweep ${name}: ${displayPath(draft.directory)}\n`);
  if (launcher.name === 'slurm') {
    await submitOrForget(draft, tasks);
    return;
  }
  try {
    await launch(draft, tasks, { quiet: flags.quiet });
  } finally {
    await printSweepTable(draft);
  }
  if (!flags.quiet) process.stderr.write(`Next: ${reportCommand(draft)}\n`);
}

/** A sweep of which SLURM took no job is removed, so that the corrected command can use its name. */
async function submitOrForget(sweep: Sweep, tasks: readonly SweepTask[]): Promise<void> {
  const { forgetSweep, openSweep } = await import('../../sweep/manifest.js');
  const { JobWithoutId } = await import('../../sweep/slurm/client.js');
  try {
    await launch(sweep, tasks);
  } catch (error) {
    const isRefused = error instanceof ConfigError && !(error instanceof JobWithoutId);
    if (isRefused && openSweep(sweep.manifest.name, sweep.output).manifest.jobs.length === 0) forgetSweep(sweep);
    throw error;
  }
}

/** The spec of the sweep file, where a flag replaces the file's value of its key. Throws `ConfigError`. */
async function specOf(flags: SweepFlags) {
  const { emptySpec, readSweepFile, withAssignments } = await import('../../sweep/sweepFile.js');
  const file = flags.file === undefined ? undefined : readSweepFile(flags.file);
  const spec = withAssignments(file?.spec ?? emptySpec, flags.set ?? []);
  const config = flags.config ?? spec.config;
  const isNamed = spec.grid.has('config') || spec.list.some(point => point.has('config'));
  if (config === undefined && !isNamed) {
    throw new ConfigError('No config is given.', {
      where: 'gala sweep',
      next: 'gala sweep --config fashion_mnist_lt/gala --set loss.lambda1=0.5,1 --seeds 0,1,2, or --file SWEEP.yaml.',
    });
  }
  return { spec: { ...spec, config, seeds: flags.seeds ?? spec.seeds }, file };
}
