/** A whole experiment in this process, without display and signals: its first stage if it has one, then the run. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedConfig } from '../config/load.js';
import type { ResultRow } from '../eval/resultRow.js';
import type { EpochMetrics } from '../run/metricsLog.js';
import { beginRunFolder, type HeldRun, leaveRunFolder } from '../run/runFolder.js';
import { finishedFirstStage } from './firstStage.js';
import { executeRun } from './run.js';
import type { RunObserver, RunRequest } from './runRequest.js';

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
  /**
   * The rows of table.md: scores on the test split, plain and re-balanced, of the checkpoint `last`, and of `best`
   * where a split selects the epoch.
   */
  readonly rows: readonly ResultRow[];
}

const pollMilliseconds = 2000;
const nothing = () => undefined;

/**
 * Trains a config to its end in a new run folder. A first stage that is not trained yet is trained before. If the
 * process is killed, `gala train --resume` continues the run. Throws `GalaError`.
 */
export async function trainExperiment(
  { config, yaml, warnings }: LoadedConfig,
  options: TrainOptions = {},
): Promise<TrainedRun> {
  const { output = 'runs', onNotice = nothing } = options;
  const firstStage = await finishedFirstStage(config, output, options.data, {
    train: ({ held, loaded, resume, onBegun }) => trainIn(held, { ...loaded, resume }, options, onBegun),
    waitUntil: async (isFree, sentences) => {
      for (const sentence of sentences) onNotice(sentence);
      while (!isFree()) await sleep(pollMilliseconds);
    },
    onNote: onNotice,
  });
  const held = beginRunFolder({ output, name: config.name, seed: config.seed });
  for (const warning of warnings) onNotice(`Warning: ${warning}`);
  const rows = await trainIn(held, { config, yaml, resume: false, firstStage }, options);
  return { folder: held.folder.directory, rows };
}

async function trainIn(
  held: HeldRun,
  training: Pick<RunRequest, 'config' | 'yaml' | 'resume' | 'firstStage'>,
  { data, onEpoch = nothing, onNotice = nothing }: TrainOptions,
  onStart: () => void = nothing,
): Promise<ResultRow[]> {
  const observer: RunObserver = {
    ...{ onEpoch, onNotice, onStart },
    ...{ onSteps: nothing, onEvaluationStart: nothing, check: { onCheck: nothing, onChecked: nothing } },
  };
  const stop = { signal: undefined, dispose: nothing };
  try {
    // Never undefined: nothing stops this run.
    return (await executeRun({ ...training, folder: held.folder, dataRoot: data, stop, observer }))!;
  } finally {
    leaveRunFolder(held);
  }
}
