/** A run as the report needs it: its record, its curves, and what follows from its stored test logits. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigError, StorageError } from '../errors.js';
import { type Evaluation, readLogitsFile } from '../eval/logitsFile.js';
import { oracleTaus, type Summary, summarize } from '../eval/summary.js';
import { shellWord } from '../io/shellWord.js';
import { visibleLine } from '../io/visibleText.js';
import { type EpochMetrics, readMetrics } from '../run/metricsLog.js';
import { type RunRecord, readRecord } from '../run/record.js';
import { logitsPath, openRunFolder, type RunFolder } from '../run/runFolder.js';
import { resultLogits } from '../run/storedLogits.js';
import { mostRuns } from './figure.js';
import { type EpochGradients, readGradients } from './gradients.js';

export interface ReportRun {
  /** Name in legends; no two runs of a report share one. */
  readonly label: string;
  /** Last part of the run folder's path: time and seed. */
  readonly folder: string;
  readonly record: RunRecord;
  readonly metrics: readonly EpochMetrics[];
  /** Undefined when the run kept none. */
  readonly gradients: readonly EpochGradients[] | undefined;
  /** Test logits of the checkpoint `best`, or `last` where the run has no best. */
  readonly evaluation: Evaluation;
  /** τ of the config, which every figure but the sweep uses. */
  readonly tau: number;
  /** [N]. */
  readonly plain: Int32Array;
  /** [N], at `tau`. */
  readonly rebalanced: Int32Array;
  /** Scores at `tau` first, then at every τ that the oracle chooses among. */
  readonly summary: Summary;
}

/**
 * Reads the runs of a report, in the order given. Throws `ConfigError` for too many runs or ones of other classes,
 * `StorageError` where a folder is no run or has no test logits yet, `DataError` for unusable logits.
 */
export function readReportRuns(directories: readonly string[]): ReportRun[] {
  if (directories.length > mostRuns) {
    throw new ConfigError(`A report compares at most ${mostRuns} runs, not ${directories.length}.`, {
      where: 'gala report',
      next: 'Give fewer folders; more colours than that cannot be told apart.',
    });
  }
  const runs = directories.map(readRun);
  refuseOtherClasses(runs, directories);
  const labels = labelsOf(runs);
  return runs.map((run, index) => ({ ...run, label: labels[index]! }));
}

type Unlabelled = Omit<ReportRun, 'label'>;

function readRun(directory: string): Unlabelled {
  const folder = openRunFolder(directory);
  const record = readRecord(folder.record);
  const stored = readTestLogits(folder, record);
  // Names of classes are drawn as text of pictures, in which nothing else makes controls visible.
  const evaluation = { ...stored, classNames: stored.classNames.map(visibleLine) };
  const { tau } = record.config.eval;
  const summary = summarize(evaluation, [tau, ...oracleTaus(tau)]);
  return {
    folder: visibleLine(basename(folder.directory)),
    record,
    metrics: readMetrics(folder.metrics).lines,
    gradients: readGradients(join(folder.directory, 'gradients.jsonl'), evaluation.classNames.length),
    evaluation,
    tau,
    plain: summary.predictions,
    rebalanced: summary.rebalanced[0]!.predictions,
    summary,
  };
}

function readTestLogits(folder: RunFolder, { status, epoch, config, results }: RunRecord): Evaluation {
  if (status === 'finished') return resultLogits(folder, results[0]?.checkpoint ?? 'last');
  const stored = ['test-best', 'test-last'].map(name => logitsPath(folder, name)).find(path => existsSync(path));
  if (stored !== undefined) return readLogitsFile(stored);
  throw new StorageError(
    `This run has no test logits yet: it is ${status}, after epoch ${epoch} of ${config.train.epochs}.`,
    {
      where: folder.logits,
      next: `They are written at the end of training; \`gala eval --run ${shellWord(folder.directory)}\` writes those of the checkpoint there is.`,
    },
  );
}

function refuseOtherClasses(runs: readonly Unlabelled[], directories: readonly string[]): void {
  const [first] = runs;
  const other = runs.findIndex(run => run.evaluation.classNames.join('\n') !== first!.evaluation.classNames.join('\n'));
  if (other === -1) return;
  throw new ConfigError('Runs of other classes cannot be compared class by class.', {
    where: `${directories[other]} has ${runs[other]!.evaluation.classNames.length} classes of ${runs[other]!.record.config.data.dataset}, ${directories[0]} has ${first!.evaluation.classNames.length} of ${first!.record.config.data.dataset}`,
    next: 'Make one report per dataset.',
  });
}

/** The config's name without the folder that all share; with the seed, then the folder, where that does not tell them apart. */
function labelsOf(runs: readonly Unlabelled[]): string[] {
  const names = runs.map(run => run.record.name);
  const parent = names[0]!.slice(0, names[0]!.lastIndexOf('/') + 1);
  const short = names.map(name => (names.every(other => other.startsWith(parent)) ? name.slice(parent.length) : name));
  const repeated = (labels: readonly string[], label: string) => labels.filter(other => other === label).length > 1;
  const seeded = short.map((label, index) =>
    repeated(short, label) ? `${label}, seed ${runs[index]!.record.seeds.run}` : label,
  );
  const told = seeded.map((label, index) => (repeated(seeded, label) ? `${label}, ${runs[index]!.folder}` : label));
  return told.map((label, index) => (repeated(told, label) ? `${label} (${index + 1})` : label));
}
