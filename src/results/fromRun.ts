/** Makes the row of a table and the record from the folder of a finished run. Needs no data and no engine. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { withoutFolders } from '../config/withoutFolders.js';
import { ConfigError, StorageError } from '../errors.js';
import { correctCounts, labelCounts } from '../eval/metrics.js';
import { resultRow } from '../eval/resultRow.js';
import type { Scores } from '../eval/scores.js';
import { type CheckpointSummary, summarizeCheckpoints, type TauScores } from '../eval/summary.js';
import { sha256 } from '../io/hash.js';
import { shellWord } from '../io/shellWord.js';
import { readMetrics } from '../run/metricsLog.js';
import { distinctProcesses, processOf, trainingSeconds } from '../run/processes.js';
import { readRecord } from '../run/record.js';
import type { SourceRun } from '../run/recordSchema.js';
import { openRunFolder } from '../run/runFolder.js';
import { divergedAlready, type FoundRun } from '../run/runStore.js';
import { resultLogits } from '../run/storedLogits.js';
import { rebalancedBestOf, resultCheckpoints, scoresOfRun } from '../run/storedScores.js';
import {
  bytesPerClass,
  encodeClasses,
  mostClasses,
  predictionsPath,
  type ResultRecord,
  type RunResult,
  readResult,
  resultPath,
  type Score,
  tableOf,
  writeResult,
} from './record.js';

/**
 * Writes record and predictions of a finished run below `results` and returns the record's path. A record of another
 * run of the same config and seeds is not replaced. Throws `ConfigError`, `StorageError`, `DataError`.
 */
export function addResult(results: string, directory: string): string {
  const { record, predictions } = resultOfRun(directory);
  if (tableOf(record.name) === undefined) {
    throw new ConfigError(`The name ${record.name} has no folder, which would be its table.`, {
      where: directory,
      next:
        `See it with gala table ${shellWord(directory)}; to record a run, give its config a name such as ` +
        `mine/${record.name}.`,
    });
  }
  const path = resultPath(results, record);
  const before = recordBefore(path);
  if (before && (before.run !== record.run || before.finished_at !== record.finished_at)) {
    throw new ConfigError(`There is a record of another run of ${record.name} with these seeds: ${before.run}.`, {
      where: path,
      next:
        'Choosing the better of two runs would bias the table. If the old one is void, delete it and ' +
        `${basename(predictionsPath(path))}.`,
    });
  }
  return writeResult(results, record, predictions);
}

/**
 * The existing record; undefined without one, and for a record that cannot be read, which the new one replaces.
 */
function recordBefore(path: string): ResultRecord | undefined {
  try {
    return existsSync(path) ? readResult(path).record : undefined;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

/**
 * Record and predictions [scores, images] of a finished run, counted from its logits. Throws `ConfigError`,
 * `StorageError`, `DataError`.
 */
export function resultOfRun(directory: string): { record: ResultRecord; predictions: Uint8Array } {
  const folder = openRunFolder(directory);
  const run = readRecord(folder.record);
  if (run.status === 'diverged') throw divergedAlready('This run', { directory: folder.directory, record: run });
  if (run.status !== 'finished') {
    throw new ConfigError(`This run is not finished: its status is ${run.status}.`, {
      where: folder.directory,
      next: `Finish it first: gala train --resume ${shellWord(folder.directory)}`,
    });
  }
  const evaluations = resultCheckpoints(run.config).map(checkpoint => resultLogits(folder, checkpoint));
  const { labels, classCounts } = evaluations[0]!;
  const classes = classCounts.length;
  if (classes > mostClasses) {
    throw new ConfigError(
      `A record keeps two bytes a prediction and takes at most ${mostClasses} classes, not ${classes}.`,
      {
        where: directory,
        next: 'Its numbers stay in the run folder: `gala table DIR`, `gala eval --run DIR`.',
      },
    );
  }
  const scored = summarizeCheckpoints(evaluations, run.config.eval.tau).flatMap(scoredLines);
  const size = labels.length * bytesPerClass(classes);
  const predictions = new Uint8Array(scored.length * size);
  for (const [k, line] of scored.entries()) predictions.set(encodeClasses(line.predictions, classes), k * size);
  const about = aboutRun({ directory: folder.directory, record: run });
  const rebalancedBest = rebalancedBestOf(readMetrics(folder.metrics).lines, run.config.eval);
  const record: ResultRecord = {
    format: 2,
    ...about,
    config: withoutFolders(run.config),
    train: { ...about.train, class_counts: Array.from(classCounts) },
    test: {
      ...about.test,
      labels_sha256: labelsHash(labels, classes),
      class_counts: Array.from(labelCounts(labels, classes)),
    },
    predictions_sha256: sha256(predictions),
    scores: scored.map(({ score }) => score),
    ...(rebalancedBest && { rebalanced_best: rebalancedBest }),
  };
  return { record, predictions };
}

/**
 * A finished run as tables need it, for any number of classes. Throws `StorageError` and `DataError` where run.json
 * lacks scores and the logits cannot be used.
 */
export function runResultOf(run: Pick<FoundRun, 'directory' | 'record'>): RunResult {
  const { results, oracle, rebalanced_best } = scoresOfRun(run);
  return { ...aboutRun(run), scores: [...results, oracle], ...(rebalanced_best && { rebalanced_best }) };
}

/** The facts about a run that records and tables have beside its scores. */
function aboutRun({ directory, record: run }: Pick<FoundRun, 'directory' | 'record'>) {
  const { train, test } = run.splits;
  const [, ...further] = distinctProcesses([run, ...run.resumes].map(processOf));
  return {
    name: run.name,
    run: basename(directory),
    config: run.config as Record<string, unknown>,
    seeds: run.seeds,
    train: { images: train!.images, fingerprint: train!.fingerprint, index_hash: train!.index_hash! },
    test: { images: test!.images, fingerprint: test!.fingerprint },
    ...processOf(run),
    finished_at: run.finished_at!,
    training_hours: Number((trainingSeconds(run) / 3600).toFixed(3)),
    ...(run.first_stage && { first_stage: sourceRunOf(run.first_stage) }),
    ...(run.teachers && { teachers: run.teachers.map(sourceRunOf) }),
    ...(run.weights && { weights: { file: basename(run.weights.file), sha256: run.weights.sha256 } }),
    resumes: run.resumes.length,
    ...(further.length > 0 && { resumed_with: further }),
  };
}

/** sha256 of labels [N], encoded by `encodeClasses`. */
export function labelsHash(labels: Int32Array, classes: number): string {
  return sha256(encodeClasses(labels, classes));
}

interface ScoredLine {
  readonly score: Score;
  /** [N]. */
  readonly predictions: Int32Array;
}

/** Plain, re-balanced at τ of the config and to equal masses and, for the reported checkpoint, at the oracle's τ. */
function scoredLines({ evaluation, summary, oracle }: CheckpointSummary): ScoredLine[] {
  const { labels, classCounts } = evaluation;
  const line = (predictions: Int32Array, scores: Scores, by?: Pick<Score, 'tau' | 'method' | 'tau_selected_on'>) => {
    const { run: _, split: __, ...row } = resultRow(evaluation, scores, by);
    const correct = Array.from(correctCounts(predictions, labels, classCounts.length));
    return { score: { ...row, correct } as Score, predictions };
  };
  const ofTau = ({ tau, scores, predictions }: TauScores, tau_selected_on: 'config' | 'test') =>
    line(predictions, scores, { tau, tau_selected_on });
  return [
    line(summary.predictions, summary.plain),
    ofTau(summary.rebalanced[0]!, 'config'),
    line(summary.equalMasses.predictions, summary.equalMasses.scores, { method: 'equal_masses' }),
    ...(oracle ? [ofTau(oracle, 'test')] : []),
  ];
}

/** Without the times of its own sources: they are in the training hours of the record. */
function sourceRunOf({ processes, sources: _, ...source }: SourceRun) {
  return { ...source, ...(processes && { processes: processes.map(processOf) }) };
}
