/** `gala reproduce`: makes the missing runs of a table and compares its results with the claims. */

import { configHash } from '../../config/identity.js';
import { loadConfig } from '../../config/load.js';
import { StorageError } from '../../errors.js';
import { displayPath } from '../../io/homePath.js';
import type { Comparison } from '../../results/compare.js';
import type { ExpectedTable } from '../../results/expected.js';
import type { Planned } from '../../results/plan.js';
import type { Verification } from '../../results/verify.js';
import { openRunFolder } from '../../run/runFolder.js';
import type { Point } from '../../sweep/points.js';
import type { TaskStatus } from '../../sweep/status.js';
import { tableWidth } from '../display/output.js';
import { CommandExit } from '../failure.js';
import { type LauncherFlags, launch, launcherSettings } from '../launch.js';
import { waitUntil } from '../waitUntil.js';

export interface ReproduceFlags extends LauncherFlags {
  readonly rows?: string[];
  readonly seeds?: number[];
  readonly runs: string;
  readonly results: string;
  readonly data?: string;
  readonly expected?: string;
  readonly dryRun?: boolean;
  readonly checkOnly?: boolean;
  readonly quiet?: boolean;
}

const shortfallExitCode = 1;

/** Makes the missing runs of a table and compares it with the claims. Throws `CommandExit` 1 where it falls short. */
export async function reproduceTable(name: string, flags: ReproduceFlags): Promise<void> {
  const { readExpected } = await import('../../results/expected.js');
  const table = readExpected(name, flags.expected, flags.rows);
  if (!flags.checkOnly && !(await makeRuns(table, flags))) return;
  await check(table, flags);
}

/** Trains and records what is missing, and waits for other processes. False when there is nothing to compare yet. */
async function makeRuns(table: ExpectedTable, flags: ReproduceFlags): Promise<boolean> {
  for (;;) {
    const planned = await plan(table, flags);
    await print(planned);
    if (flags.dryRun) return false;
    if (await execute(planned, table, flags)) {
      process.stderr.write('When these have ended, the same command records and compares them.\n');
      return false;
    }
    // Another process may have begun or finished a run meanwhile.
    const now = await plan(table, flags);
    const others = now.filter(({ step }) => step === 'in progress');
    if (others.length === 0 && now.every(({ step }) => step !== 'record')) return true;
    const say = (line: string) => process.stderr.write(`${line}\n`);
    const waitingFor = others.map(run => `${run.row}, seed ${run.seed}: ${workOf(run)}; waiting for it to end.`);
    const isOver = async () => (await plan(table, flags)).every(({ step }) => step !== 'in progress');
    if (others.length > 0) await waitUntil(isOver, say, waitingFor);
  }
}

async function plan(table: ExpectedTable, flags: ReproduceFlags): Promise<Planned[]> {
  const { planRuns } = await import('../../results/plan.js');
  const { claimedTasks } = await import('../../sweep/status.js');
  const claims = claimedTasks(sweepNameOf(table), flags.runs, flags.launcher ?? 'local');
  return planRuns(table, flags.seeds ?? [0], flags.runs, await recordedRows(table, flags.results)).map(run => {
    const claimedBy = run.step === 'train' || run.step === 'resume' ? claims.get(pointOf(run).hash) : undefined;
    return claimedBy === undefined ? run : { ...run, step: 'in progress' as const, claimedBy };
  });
}

async function print(planned: readonly Planned[]): Promise<void> {
  const { planColumns } = await import('../../results/plan.js');
  const { formatTable } = await import('../../tables/format.js');
  process.stdout.write(`${formatTable(planned, planColumns, 'terminal', { width: tableWidth() })}\n\n`);
}

/** The records of each row, unchecked. Of one that cannot be read, stderr tells; `check` reports all faults. */
async function recordedRows(table: ExpectedTable, results: string) {
  const { listResults, readResult } = await import('../../results/record.js');
  const records = listResults(results, table.name).flatMap(path => {
    try {
      return readResult(path).record;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      process.stderr.write(`Left out: ${displayPath(path)}: ${error.message}\n`);
      return [];
    }
  });
  const names = new Map(table.rows.map(({ row, config }) => [row, loadConfig(config).config.name]));
  return (row: string) => records.filter(record => record.name === names.get(row));
}

/**
 * Records the finished runs, then trains the missing ones as a sweep and records each run when it ends. True when SLURM
 * has them all and nothing is trained here.
 */
async function execute(planned: readonly Planned[], table: ExpectedTable, flags: ReproduceFlags): Promise<boolean> {
  for (const run of planned) {
    if (run.step === 'record') await record(run.directory!, table, flags);
    if (run.step === 'diverged') {
      process.stderr.write(
        `${run.row}, seed ${run.seed}: ${run.directory} diverged, and the same config would do so again; it ` +
          `is left alone.\n`,
      );
    }
  }
  const open = planned.filter(({ step }) => step === 'train' || step === 'resume');
  if (open.length === 0) return flags.launcher === 'slurm' && planned.some(({ claimedBy }) => claimedBy !== undefined);
  const { createSweep, draftSweep, freeName } = await import('../../sweep/manifest.js');
  const { requireData, shareCores } = await import('../../sweep/plan.js');
  const asGiven = open.map(pointOf);
  for (const warning of new Set(asGiven.flatMap(({ loaded }) => loaded.warnings)))
    process.stderr.write(`Warning: ${warning}\n`);
  const launcher = await launcherSettings(flags, asGiven);
  // A run to resume remembers its data folder, and the machines of a cluster may have another.
  if (launcher.name === 'local' && open.every(({ step }) => step === 'train')) await requireData(asGiven, flags.data);
  const points = shareCores(asGiven, launcher);
  const name = freeName(sweepNameOf(table), flags.runs);
  const sweep = draftSweep({ name, output: flags.runs, data: flags.data, launcher, points: asGiven });
  createSweep(sweep, points);
  const onEnd = async ({ state, directory }: TaskStatus) => {
    if (state === 'finished') await record(directory!, table, flags);
  };
  await launch(sweep, sweep.manifest.tasks, { quiet: flags.quiet, onEnd, failuresAreFatal: false });
  return launcher.name === 'slurm';
}

/** The work of another process on a run. */
function workOf({ directory, claimedBy }: Planned): string {
  return claimedBy === undefined ? `another process trains ${directory}` : `${claimedBy} is going to train it`;
}

function sweepNameOf(table: ExpectedTable): string {
  return `reproduce-${table.name}`;
}

/** A run to resume keeps its own config, whose precision may differ; its name comes from the row. */
function pointOf({ step, loaded, directory }: Planned): Point {
  const own = step === 'resume' ? loadConfig(openRunFolder(directory!).config) : loaded;
  const config = { ...own.config, name: loaded.config.name };
  return { label: '', loaded: { ...own, config, warnings: loaded.warnings }, hash: configHash(config) };
}

async function record(directory: string, table: ExpectedTable, { results }: ReproduceFlags): Promise<void> {
  const { addResult } = await import('../../results/fromRun.js');
  const { writeGeneratedFiles } = await import('../../results/tables.js');
  const path = addResult(results, directory);
  writeGeneratedFiles(results, table.name);
  process.stderr.write(`Recorded: ${displayPath(path)}\n`);
}

/** Prints claims and results. Throws `CommandExit` 1 for a shortfall, a missing run or a record with a fault. */
async function check(table: ExpectedTable, { results, data, seeds, rows, checkOnly }: ReproduceFlags): Promise<void> {
  const { compare, comparisonColumns, isShort, shortfallOf } = await import('../../results/compare.js');
  const { verifyTable } = await import('../../results/verify.js');
  const { formatTable } = await import('../../tables/format.js');
  const verification = await verifyTable({ table, results, dataRoot: data, seeds, rowsOnly: rows !== undefined });
  const comparisons = compare(table, verification.recordsOf);
  process.stdout.write(`${formatTable(comparisons, comparisonColumns, 'terminal', { width: tableWidth() })}\n\n`);
  process.stdout.write(proofOf(verification));
  const { missingSeeds } = await import('../../results/plan.js');
  const missing = [
    ...missingRuns(comparisons),
    ...missingSeeds(table, verification.recordsOf, seeds ?? (checkOnly ? [] : [0])),
  ];
  for (const line of missing) process.stdout.write(`Missing: ${line}\n`);
  for (const fault of verification.faults) process.stdout.write(`FAULT ${fault}\n`);
  const below = comparisons.filter(({ verdict }) => verdict === 'BELOW');
  for (const comparison of below) process.stdout.write(`Below: ${shortfallOf(comparison)}\n`);
  if (verification.faults.length > 0 || missing.length > 0 || comparisons.some(isShort)) {
    throw new CommandExit(shortfallExitCode);
  }
}

/** Sentences about what was proved, and what was not. */
function proofOf({ recounted, unlabelled, faults }: Verification): string {
  const records = (n: number) => `${n} record${n === 1 ? '' : 's'}`;
  const lines: string[] = [];
  if (recounted > 0)
    lines.push(`${records(recounted)} counted again from the stored predictions and the labels of the data.`);
  if (unlabelled > 0) {
    lines.push(
      `${records(unlabelled)} checked without labels: files unchanged, accuracies follow from the right ` +
        'answers per class, and these are',
      'possible with the stored predictions. That the right answers are right was NOT checked: name the ' +
        'data with --data DIR or GALA_DATA.',
    );
  }
  if (faults.length > 0) lines.push(`${faults.length} fault${faults.length === 1 ? '' : 's'}:`);
  return lines.map(line => `${line}\n`).join('');
}

function missingRuns(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.filter(({ verdict }) => verdict === 'NO RUN').map(({ row }) => row);
  return [...new Set(rows)].map(row => `no recorded run of row ${row}`);
}
