/** `gala train`: flags → one run → exit code. */
import { configDifference, configHash, configOf } from '../../config/identity.js';
import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { ConfigError, StorageError, withRemedy } from '../../errors.js';
import type { ResultRow } from '../../eval/resultRow.js';
import { describeHolder, type FolderLock } from '../../io/folderLock.js';
import { displayPath } from '../../io/homePath.js';
import { shellWord } from '../../io/shellWord.js';
import { experimentLockFolder, tryLockExperiment } from '../../run/experimentLock.js';
import { latestUnfinished, nothingToResume, runFolderOf } from '../../run/namedRun.js';
import { readRecord } from '../../run/record.js';
import { beginRunFolder, holdRunFolder, openRunFolder, type RunFolder } from '../../run/runFolder.js';
import { divergedAlready, type FoundRun, openRunStore } from '../../run/runStore.js';
import { printJson, tableWidth } from '../display/output.js';
import { type EngineFlags, engineOverrides } from '../options.js';
import { runTraining, type TrainingJob, trainedFirstStage } from '../runTraining.js';

export interface TrainFlags extends EngineFlags {
  readonly config?: string;
  readonly set?: string[];
  readonly seed?: number;
  readonly data?: string;
  readonly resume?: string | true;
  readonly continue?: boolean;
  readonly runs: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Trains, resumes or shows the run that the flags name. Throws what a run throws, and `CommandExit` after a signal. */
export async function trainOne(flags: TrainFlags): Promise<void> {
  const chosen = flags.continue ? continueRun(flags) : chooseRun(flags);
  if ('results' in chosen) await printResult(chosen.folder, chosen.results, flags);
  else await trainChosen(chosen, flags);
}

interface Chosen {
  readonly loaded: TrainingJob['loaded'];
  /** The run to resume; a new one is begun when left out. */
  readonly folder?: RunFolder;
  /** Held until the run has begun. */
  readonly experiment?: FolderLock;
}

async function trainChosen(chosen: Chosen, flags: TrainFlags): Promise<void> {
  try {
    await train(chosen, flags);
  } finally {
    chosen.experiment?.release();
  }
}

async function train({ loaded, folder: given, experiment }: Chosen, flags: TrainFlags): Promise<void> {
  const { config } = loaded;
  const { data, quiet, json, runs } = flags;
  // Before the folder is made: a first stage takes hours, and an empty run folder would stay behind when it is killed.
  const firstStage = given === undefined ? await trainedFirstStage(config, runs, { data, quiet, json }) : undefined;
  const held = given ? holdRunFolder(given) : beginRunFolder({ output: runs, name: config.name, seed: config.seed });
  const job = {
    held,
    loaded,
    resume: given !== undefined,
    data,
    quiet,
    json,
    firstStage,
    onBegun: experiment?.release,
  };
  await printResult(held.folder, await runTraining(job), flags);
}

/**
 * The run of the same config hash: its results, the run to resume, or the lock to begin one under. Throws
 * `DivergedError` where it diverged, `StorageError` where another process is beginning it.
 */
function continueRun(flags: TrainFlags): Chosen | { folder: RunFolder; results: readonly ResultRow[] } {
  const loaded = loadConfig(requireConfig(flags), overridesOf(flags));
  const { name } = loaded.config;
  const hash = configHash(loaded.config);
  const begun = openRunStore(flags.runs).ofHash(name, hash);
  if (begun) return goOnWith(begun, loaded);
  const experiment = tryLockExperiment(experimentLockFolder(flags.runs, name, hash));
  if (!('release' in experiment)) {
    throw new StorageError(`The ${describeHolder(experiment)} is beginning this very run.`, {
      where: experiment.file,
      next: 'Wait for it: the same command then goes on with the run, or shows its results.',
    });
  }
  // Another process may have begun it, and given the lock free, after the first look.
  const found = openRunStore(flags.runs).ofHash(name, hash);
  if (found === undefined) return { loaded, experiment };
  experiment.release();
  return goOnWith(found, loaded);
}

function goOnWith(
  found: FoundRun,
  loaded: TrainingJob['loaded'],
): Chosen | { folder: RunFolder; results: readonly ResultRow[] } {
  const folder = openRunFolder(found.directory);
  if (found.state === 'finished') return { folder, results: found.record.results };
  if (found.state !== 'diverged') return { folder, loaded };
  throw divergedAlready('This experiment', found);
}

/** A new folder, or the one to resume, whose config must be the same experiment. Throws `ConfigError`. */
function chooseRun(flags: TrainFlags): Chosen {
  const overrides = overridesOf(flags);
  if (flags.resume === undefined) return { loaded: loadConfig(requireConfig(flags), overrides) };
  const directory =
    flags.resume === true ? runToResume(flags, overrides) : runFolderOf(flags.resume, flags.runs, 'resume');
  const folder = openRunFolder(directory);
  const recorded = readRecord(folder.record);
  if (recorded.status === 'finished') {
    throw new ConfigError('This run is finished; there is nothing to resume.', {
      where: folder.directory,
      next: `See its results with \`gala eval --run ${shellWord(folder.directory)}\`, or train anew without --resume.`,
    });
  }
  if (recorded.status === 'diverged') throw divergedAlready('This run', { directory, record: recorded });
  const loaded = loadConfig(flags.config ?? folder.config, overrides);
  refuseOtherExperiment(configOf(recorded), loaded.config, folder);
  const config = { ...loaded.config, name: recorded.name };
  return { folder, loaded: { ...loaded, config, warnings: [] } }; // the run's first start showed the warnings
}

function overridesOf({ set = [], seed, ...flags }: TrainFlags): { set?: string[]; seed?: number } {
  const all = [...set, ...engineOverrides(flags)];
  return { ...(all.length > 0 && { set: all }), ...(seed !== undefined && { seed }) };
}

function requireConfig(flags: TrainFlags): string {
  if (flags.config !== undefined) return flags.config;
  throw new ConfigError('No config is given.', {
    where: 'gala train',
    next: 'gala train fashion_mnist_lt/gala; `gala config list` shows the names.',
  });
}

/**
 * The run that `--resume` without a run means: the one of the config, or without a config the latest of all that can go
 * on.
 */
function runToResume(flags: TrainFlags, overrides: { set?: string[]; seed?: number }): string {
  const store = openRunStore(flags.runs);
  const loaded = flags.config === undefined ? undefined : loadConfig(flags.config, overrides).config;
  const own = loaded && store.ofHash(loaded.name, configHash(loaded));
  const run =
    own?.state === 'resumable' ? own : latestUnfinished(loaded === undefined ? store.all() : store.ofName(loaded.name));
  if (run) {
    process.stderr.write(`Resuming ${displayPath(run.directory)}\n`);
    return run.directory;
  }
  const runs = loaded === undefined ? store.all() : store.ofName(loaded.name);
  const error = nothingToResume(loaded?.name, runs, store.folder);
  throw loaded?.stages ? withRemedy(error, 'A first stage that was stopped goes on by itself.') : error;
}

function refuseOtherExperiment(recorded: Config, now: Config, folder: RunFolder): void {
  const differences = configDifference(recorded, now);
  if (differences.length === 0) return;
  throw new ConfigError(`The config differs from that of the run (run → now):\n  ${differences.join('\n  ')}`, {
    where: folder.directory,
    next: 'Resume with the config the run began with, or start a new run without --resume.',
  });
}

async function printResult(folder: RunFolder, rows: readonly ResultRow[], { json, quiet }: TrainFlags): Promise<void> {
  if (json) {
    printJson({ type: 'result', folder: folder.directory, rows });
    return;
  }
  const { accuracyColumns } = await import('../../tables/scoreColumns.js');
  const { formatTable } = await import('../../tables/format.js');
  const columns = accuracyColumns.filter(({ key }) => key !== 'run');
  const run = shellWord(displayPath(folder.directory));
  const layout = { width: tableWidth(), wider: `gala table ${run} --wide` };
  process.stdout.write(`${formatTable(rows, columns, 'terminal', layout)}\n`);
  if (quiet) return;
  const { precisionNote } = await import('../display/trainDisplay.js');
  process.stderr.write(`${precisionNote(folder)}Next: gala report ${run}\n`);
}
