/**
 * gala for scripts: the same experiments as on the command line, without its display. docs/scripts.md has an example.
 * Every error is a `GalaError`, with a place and a remedy.
 */
import { configOf } from './config/identity.js';
import { type ResultRow, resultRows } from './eval/resultRow.js';
import { summarize } from './eval/summary.js';
import { type EpochMetrics, readMetrics } from './run/metricsLog.js';
import { readRecord } from './run/record.js';
import type { RunRecord } from './run/recordSchema.js';
import { openRunFolder } from './run/runFolder.js';
import { evaluateRun, type Split } from './train/evaluateRun.js';

export { type ConfigOverrides, type LoadedConfig, loadConfig } from './config/load.js';
export type { Config } from './config/schema.js';
export {
  ConfigError,
  DataError,
  DivergedError,
  EngineError,
  GalaError,
  StorageError,
} from './errors.js';
export { type TrainedRun, type TrainOptions, trainExperiment as train } from './train/trainExperiment.js';
export type { EpochMetrics, ResultRow, RunRecord, Split };

export interface EvaluateOptions {
  /** `test` when left out. */
  readonly split?: Split;
  /** `best`, `last` or the path of a checkpoint file; when left out, `best` if the run has one, else `last`. */
  readonly checkpoint?: string;
  /** τ of re-balancing; that of the config when left out. */
  readonly taus?: readonly number[];
  readonly data?: string;
}

/** Scores of one checkpoint of a run on a split, as `gala eval --run` prints them. Throws `GalaError`. */
export async function evaluate(
  run: string,
  { split = 'test', checkpoint, taus, data }: EvaluateOptions = {},
): Promise<ResultRow[]> {
  const { tau } = configOf(readRecord(openRunFolder(run).record)).eval;
  const evaluation = await evaluateRun({ run, split, checkpoint, dataRoot: data });
  return resultRows(evaluation, summarize(evaluation, taus ?? [tau]), taus ? 'given' : 'config');
}

export interface Run {
  readonly folder: string;
  /** run.json: config, data, engine, versions, status and results. */
  readonly record: RunRecord;
  /** metrics.jsonl: one entry per epoch. */
  readonly epochs: readonly EpochMetrics[];
}

/** Reads a run folder, of a finished or unfinished run. Throws `StorageError`. */
export function readRun(path: string): Run {
  const { directory, record, metrics } = openRunFolder(path);
  return { folder: directory, record: readRecord(record), epochs: readMetrics(metrics).lines };
}
