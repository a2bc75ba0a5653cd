/**
 * gala for scripts: the same experiments as on the command line, without its display. docs/scripts.md has an example.
 * Errors are the typed ones of `errors.ts`, each with a place and a remedy.
 */
import { configOf } from './config/identity.js';
import type { LoadedConfig } from './config/load.js';
import { type ResultRow, resultRows } from './eval/resultRow.js';
import { summarize } from './eval/summary.js';
import { type EpochMetrics, readMetrics } from './run/metricsLog.js';
import { readRecord } from './run/record.js';
import type { RunRecord } from './run/recordSchema.js';
import { openRunFolder } from './run/runFolder.js';
import { evaluateRun, type Split } from './train/evaluateRun.js';
import { trainExperiment } from './train/trainExperiment.js';

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
export type { EpochMetrics, ResultRow, RunRecord, Split };

export interface TrainOptions {
  /** Folder of all runs; `runs` when left out. */
  readonly output?: string;
  /** Folder of the images; that of the config when left out. */
  readonly data?: string;
  /** Called after every epoch, with the line of metrics.jsonl. */
  readonly onEpoch?: (metrics: EpochMetrics) => void;
  /** Called with what the command line would print: warnings, and notes on the data and the engine. */
  readonly onNotice?: (line: string) => void;
}

export interface TrainedRun {
  readonly folder: string;
  /** As in table.md: the test split by `best`, where a split chose that epoch, and by `last`; plain and re-balanced. */
  readonly rows: readonly ResultRow[];
}

/**
 * Trains a config to its end in a new run folder; its first stage comes first, where it has one that is not trained
 * yet. A run whose process is killed goes on with `gala train --resume`. Throws `GalaError`.
 */
export async function train(loaded: LoadedConfig, options: TrainOptions = {}): Promise<TrainedRun> {
  return trainExperiment(loaded, options);
}

export interface EvaluateOptions {
  /** `test` when left out. */
  readonly split?: Split;
  /** `best`, `last` or the path of a checkpoint file; when left out, `best` where the run has one, else `last`. */
  readonly checkpoint?: string;
  /** τ of re-balancing; that of the config when left out. */
  readonly taus?: readonly number[];
  readonly data?: string;
}

/** Scores of a split by a checkpoint of a run, as `gala eval --run` prints them. Throws `GalaError`. */
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
  /** metrics.jsonl: one entry an epoch. */
  readonly epochs: readonly EpochMetrics[];
}

/** What a run folder holds, whether the run is over or not. Throws `StorageError`. */
export function readRun(path: string): Run {
  const { directory, record, metrics } = openRunFolder(path);
  return { folder: directory, record: readRecord(record), epochs: readMetrics(metrics).lines };
}
