/** A run as the report needs it: its record, its curves, and predictions and scores of its stored test logits. */
import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { ConfigError, StorageError } from '../errors.js';
import type { Calibration } from '../eval/calibration.js';
import { type Evaluation, readLogitsFile } from '../eval/logitsFile.js';
import { classAccuracies } from '../eval/metrics.js';
import { rebalancedMass } from '../eval/rebalance.js';
import { reportedScores } from '../eval/resultRow.js';
import { inPercent, type PercentScores, percentOf } from '../eval/scores.js';
import { bestTau, oracleTaus, type Summary, summarize } from '../eval/summary.js';
import { shellWord } from '../io/shellWord.js';
import { visibleLine } from '../io/visibleText.js';
import { type EpochMetrics, readMetrics } from '../run/metricsLog.js';
import { readRecord } from '../run/record.js';
import type { RunRecord } from '../run/recordSchema.js';
import { logitsPath, openRunFolder, type RunFolder } from '../run/runFolder.js';
import { divergedAlready } from '../run/runStore.js';
import { resultLogits } from '../run/storedLogits.js';
import { type RunScores, storedScores } from '../run/storedScores.js';
import { type EpochGradients, readGradients } from './gradients.js';
import { labelSeries, mostColors } from './seriesLabels.js';

/** Numbers per class and image, without the logits, so that many runs fit into memory. */
export interface ReportRun {
  /** Label of its series: the seeds of one config. */
  readonly series: string;
  /** Name beside other runs: the series, with the seed where it has several runs; no two runs of a report share one. */
  readonly label: string;
  /** Last part of the run folder's path: time and seed. */
  readonly folder: string;
  readonly record: RunRecord;
  readonly metrics: readonly EpochMetrics[];
  /** Undefined when the run kept none. */
  readonly gradients: readonly EpochGradients[] | undefined;
  /** Of the test logits of the checkpoint `best`, or `last` where the run has no best. */
  readonly evaluation: Omit<Evaluation, 'logits'>;
  /** τ of the config, for every figure except the sweep. */
  readonly tau: number;
  /** Predictions [N]. */
  readonly plain: Int32Array;
  /** Predictions [N] at `tau`. */
  readonly rebalanced: Int32Array;
  /** Accuracy of each class [C], a fraction; NaN without test images. */
  readonly accuracies: { readonly plain: Float64Array; readonly rebalanced: Float64Array };
  /** Undefined in a report of more series than it is drawn for. */
  readonly mass: ClassMass | undefined;
  readonly calibration: Calibration;
  readonly scores: ReportScores;
  /** At every τ of the oracle, ascending; in a report of more series than the sweep is drawn for, at `tau` alone. */
  readonly sweep: readonly TopOneOfTau[];
}

/** Predicted mass [C], in images: Σ_i p_ij. */
interface ClassMass {
  readonly before: Float64Array;
  /** Re-balanced at `tau`. */
  readonly after: Float64Array;
}

interface ReportScores {
  readonly plain: PercentScores;
  /** At the τ of the config. */
  readonly rebalanced: PercentScores;
  readonly equalMasses: PercentScores;
  /** At the τ with the highest top-1 on the same images. */
  readonly oracle: TopOneOfTau;
}

export interface TopOneOfTau {
  readonly tau: number;
  /** Percent. */
  readonly top1: number;
}

/**
 * Reads the runs of a report; a folder given twice is read once. The seeds of one config follow each other, else the
 * order is as given. Throws `ConfigError` for runs of other classes, `StorageError` where a folder is no run or has no
 * test logits yet, `DataError` for unusable logits.
 */
export function readReportRuns(directories: readonly string[]): ReportRun[] {
  const folders = distinctFolders(directories).map(directory => {
    const folder = openRunFolder(directory);
    return { directory, folder, record: readRecord(folder.record) };
  });
  const ordered = labelSeries(folders);
  const isDetailed = new Set(ordered.map(({ series }) => series)).size <= mostColors;
  const labelled: Omit<ReportRun, 'label'>[] = [];
  for (const { series, run: place } of ordered) {
    const run = readRun(place, isDetailed);
    const [first] = labelled;
    if (first) refuseOtherClasses([first, ordered[0]!.run.directory], [run, place.directory]);
    // The names are the same: one copy is enough.
    const evaluation = { ...run.evaluation, classNames: (first ?? run).evaluation.classNames };
    labelled.push({ ...run, series: visibleLine(series), evaluation });
  }
  const labels = labelsOf(labelled);
  return labelled.map((run, index) => ({ ...run, label: labels[index]! }));
}

type Unlabelled = Omit<ReportRun, 'series' | 'label'>;

function distinctFolders(directories: readonly string[]): string[] {
  const placeOf = (directory: string) => (existsSync(directory) ? realpathSync(directory) : directory);
  return [...new Map([...directories].reverse().map(directory => [placeOf(directory), directory])).values()].reverse();
}

interface Place {
  readonly directory: string;
  readonly folder: RunFolder;
  readonly record: RunRecord;
}

function readRun({ folder, record }: Place, isDetailed: boolean): Unlabelled {
  const { logits, ...evaluated } = readTestLogits(folder, record);
  // Names of classes are drawn as text of pictures, in which nothing else makes controls visible.
  const evaluation = { ...evaluated, classNames: evaluated.classNames.map(visibleLine) };
  const { tau } = record.config.eval;
  const stored = storedScores(record);
  const summary = summarize({ ...evaluation, logits }, isDetailed || !stored ? oracleTaus(tau) : [tau]);
  const { predictions, mass, calibration } = summary;
  const classes = evaluation.classNames.length;
  const atTau = summary.rebalanced.find(row => row.tau === tau)!.predictions;
  return {
    folder: visibleLine(basename(folder.directory)),
    record,
    metrics: readMetrics(folder.metrics).lines,
    gradients: readGradients(folder.gradients, classes),
    evaluation,
    tau,
    plain: predictions,
    rebalanced: atTau,
    accuracies: {
      plain: classAccuracies(predictions, evaluation.labels, classes),
      rebalanced: classAccuracies(atTau, evaluation.labels, classes),
    },
    mass: isDetailed ? { before: mass, after: rebalancedMass(logits, mass, tau) } : undefined,
    calibration,
    scores: stored ? scoresStored(stored) : scoresCounted(summary, tau),
    sweep: summary.rebalanced.map(({ tau, scores }) => ({ tau, top1: percentOf(scores.top1) })),
  };
}

function scoresStored({ results, oracle }: RunScores): ReportScores {
  const { plain, rebalanced, equal_masses } = reportedScores(results);
  return { plain: plain!, rebalanced: rebalanced!, equalMasses: equal_masses!, oracle };
}

function scoresCounted(summary: Summary, tau: number): ReportScores {
  const at = (wanted: number | undefined) => inPercent(summary.rebalanced.find(row => row.tau === wanted)!.scores);
  const best = bestTau(summary)!;
  return {
    plain: inPercent(summary.plain),
    rebalanced: at(tau),
    equalMasses: inPercent(summary.equalMasses.scores),
    oracle: { tau: best, top1: at(best).top1 },
  };
}

function readTestLogits(folder: RunFolder, record: RunRecord): Evaluation {
  const { status, epoch, config, results } = record;
  if (status === 'finished') return resultLogits(folder, results[0]?.checkpoint ?? 'last');
  const stored = ['test-best', 'test-last'].map(name => logitsPath(folder, name)).find(path => existsSync(path));
  if (stored !== undefined) return readLogitsFile(stored);
  if (status === 'diverged') throw divergedAlready('This run', { directory: folder.directory, record });
  const command = `gala eval --run ${shellWord(folder.directory)}`;
  throw new StorageError(
    `This run has no test logits yet: it is ${status}, after epoch ${epoch} of ${config.train.epochs}.`,
    {
      where: folder.logits,
      next: `They are written at the end of training; \`${command}\` writes those of the checkpoint there is.`,
    },
  );
}

type Beside = readonly [run: Unlabelled, directory: string];

function refuseOtherClasses(first: Beside, other: Beside): void {
  if (other[0].evaluation.classNames.join('\n') === first[0].evaluation.classNames.join('\n')) return;
  const classesOf = ([{ evaluation, record }]: Beside) =>
    [evaluation.classNames.length, record.config.data.dataset] as const;
  const [[count, dataset], [firstCount, firstDataset]] = [classesOf(other), classesOf(first)];
  throw new ConfigError('Runs of other classes cannot be compared class by class.', {
    where: `${other[1]} has ${count} classes of ${dataset}, ${first[1]} has ${firstCount} of ${firstDataset}`,
    next: 'Make one report per dataset.',
  });
}

/** The label of each run: the series, with the seed and then the folder where runs would share a label. */
function labelsOf(runs: readonly Omit<ReportRun, 'label'>[]): string[] {
  const among = (labels: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return (label: string) => counts.get(label)! > 1;
  };
  const series = runs.map(run => run.series);
  const isShared = among(series);
  const seeded = series.map((label, k) => (isShared(label) ? `${label}, seed ${runs[k]!.record.seeds.run}` : label));
  const isRepeated = among(seeded);
  const told = seeded.map((label, k) => (isRepeated(label) ? `${label}, ${runs[k]!.folder}` : label));
  const isStillRepeated = among(told);
  return told.map((label, k) => (isStillRepeated(label) ? `${label} (${k + 1})` : label));
}
