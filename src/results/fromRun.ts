/**
 * From a finished run folder to what tables say of it and to the record that the repository keeps. Needs the stored
 * logits, no data and no engine.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Config } from '../config/schema.js';
import { withoutFolders } from '../config/withoutFolders.js';
import { ConfigError, StorageError } from '../errors.js';
import type { Evaluation } from '../eval/logitsFile.js';
import { correctCounts, labelCounts } from '../eval/metrics.js';
import { inPercent, type Scores } from '../eval/scores.js';
import { bestTau, oracleTaus, summarize } from '../eval/summary.js';
import { sha256 } from '../io/hash.js';
import { shellWord } from '../io/shellWord.js';
import { readMetrics } from '../run/metricsLog.js';
import { distinctProcesses, processOf } from '../run/processes.js';
import { readRecord } from '../run/record.js';
import type { FirstStage } from '../run/recordSchema.js';
import { openRunFolder } from '../run/runFolder.js';
import { resultLogits } from '../run/storedLogits.js';
import { rebalancedBestOf } from './rebalancedBest.js';
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
 * The record that is there already; undefined for none, and for one that cannot be read: writing it anew is the remedy.
 */
function recordBefore(path: string): ResultRecord | undefined {
  try {
    return existsSync(path) ? readResult(path).record : undefined;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

/** Record and predictions [scores, images] of a finished run. Throws `ConfigError`, `StorageError`, `DataError`. */
export function resultOfRun(directory: string): { record: ResultRecord; predictions: Uint8Array } {
  const { result, predictions: lines } = readRunResult(directory);
  const classes = result.train.class_counts.length;
  if (classes > mostClasses) {
    throw new ConfigError(
      `A record keeps two bytes a prediction and takes at most ${mostClasses} classes, not ${classes}.`,
      {
        where: directory,
        next: 'Its numbers stay in the run folder: `gala table DIR`, `gala eval --run DIR`.',
      },
    );
  }
  const predictions = new Uint8Array(lines.length * result.test.images * bytesPerClass(classes));
  for (const [k, line] of lines.entries())
    predictions.set(encodeClasses(line, classes), (k * predictions.length) / lines.length);
  const { scores, rebalanced_best, ...about } = result;
  const record: ResultRecord = {
    format: 2,
    ...about,
    config: withoutFolders(about.config as Config),
    predictions_sha256: sha256(predictions),
    scores,
    ...(rebalanced_best && { rebalanced_best }),
  };
  return { record, predictions };
}

/**
 * What tables say of a finished run, for any number of classes, and the predictions [N] behind each of its scores.
 * Throws `ConfigError` for a run that is not finished, `StorageError`, `DataError`.
 */
export function readRunResult(directory: string): { result: RunResult; predictions: Int32Array[] } {
  const folder = openRunFolder(directory);
  const run = readRecord(folder.record);
  if (run.status !== 'finished') {
    throw new ConfigError(`This run is not finished: its status is ${run.status}.`, {
      where: folder.directory,
      next: `Finish it first: gala train --resume ${shellWord(folder.directory)}`,
    });
  }
  const { select_on, tau } = run.config.eval;
  const checkpoints = select_on === 'last' ? (['last'] as const) : (['best', 'last'] as const);
  const evaluations = checkpoints.map(checkpoint => resultLogits(folder, checkpoint));
  const scored = evaluations.flatMap((evaluation, e) => scoresOf(evaluation, checkpoints[e]!, tau, e === 0));
  const { labels, classCounts } = evaluations[0]!;
  const { train, test } = run.splits;
  const [, ...further] = distinctProcesses([run, ...run.resumes].map(processOf));
  const rebalancedBest = rebalancedBestOf(readMetrics(folder.metrics).lines, run.config.eval);
  const result: RunResult = {
    name: run.name,
    run: basename(folder.directory),
    config: { ...run.config },
    seeds: run.seeds,
    train: {
      images: train!.images,
      fingerprint: train!.fingerprint,
      index_hash: train!.index_hash!,
      class_counts: Array.from(classCounts),
    },
    test: {
      images: test!.images,
      fingerprint: test!.fingerprint,
      labels_sha256: labelsHash(labels, classCounts.length),
      class_counts: Array.from(labelCounts(labels, classCounts.length)),
    },
    ...processOf(run),
    finished_at: run.finished_at!,
    training_hours: Number(((run.training_seconds + (run.first_stage?.training_seconds ?? 0)) / 3600).toFixed(3)),
    ...(run.first_stage && { first_stage: firstStageOf(run.first_stage) }),
    ...(run.weights && { weights: { file: basename(run.weights.file), sha256: run.weights.sha256 } }),
    resumes: run.resumes.length,
    ...(further.length > 0 && { resumed_with: further }),
    scores: scored.map(({ score }) => score),
    ...(rebalancedBest && { rebalanced_best: rebalancedBest }),
  };
  return { result, predictions: scored.map(({ predictions }) => predictions) };
}

/** sha256 of labels [N] as one byte each, or two where there are more than 256 classes. */
export function labelsHash(labels: Int32Array, classes: number): string {
  return sha256(encodeClasses(labels, classes));
}

interface Scored {
  readonly score: Score;
  /** [N]. */
  readonly predictions: Int32Array;
}

/** Plain, re-balanced at τ of the config and, for the reported checkpoint, at the oracle's τ. */
function scoresOf(evaluation: Evaluation, checkpoint: Score['checkpoint'], tau: number, withOracle: boolean): Scored[] {
  const { labels, classCounts, epoch, selected_on, precision } = evaluation;
  const summary = summarize(evaluation, withOracle ? oracleTaus(tau) : [tau]);
  const scored = (
    { scores, predictions }: { scores: Scores; predictions: Int32Array },
    ofTau?: Pick<Score, 'tau' | 'tau_selected_on'>,
  ): Scored => {
    const correct = Array.from(correctCounts(predictions, labels, classCounts.length));
    return {
      score: {
        checkpoint,
        epoch: epoch!,
        selected_on: selected_on!,
        ...(precision !== undefined && { precision }),
        ...ofTau,
        ...inPercent(scores),
        correct,
      },
      predictions,
    };
  };
  const at = (wanted: number | undefined, tau_selected_on: 'config' | 'test') =>
    summary.rebalanced
      .filter(({ tau: at }) => at === wanted)
      .map(row => scored(row, { tau: row.tau, tau_selected_on }));
  return [
    scored({ scores: summary.plain, predictions: summary.predictions }),
    ...at(tau, 'config'),
    ...(withOracle ? at(bestTau(summary), 'test') : []),
  ];
}

function firstStageOf({ processes, ...stage }: FirstStage) {
  return { ...stage, ...(processes && { processes: processes.map(processOf) }) };
}
