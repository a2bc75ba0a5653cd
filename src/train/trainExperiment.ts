/**
 * A whole experiment in this process: its first stage, where it has one, then the run, without a display and without
 * signals.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedConfig } from '../config/load.js';
import type { ResultRow } from '../eval/resultRow.js';
import type { EpochMetrics } from '../run/metricsLog.js';
import { beginRunFolder, type HeldRun, leaveRunFolder } from '../run/runFolder.js';
import { executeRun } from './run.js';
import type { RunObserver, RunRequest } from './runRequest.js';
import { finishedFirstStage } from './twoStages/firstStage.js';
import { readStartingPoint } from './twoStages/startingPoint.js';

interface ExperimentOptions {
  readonly output?: string;
  readonly data?: string;
  readonly onEpoch?: (metrics: EpochMetrics) => void;
  readonly onNotice?: (line: string) => void;
}

type Training = Pick<RunRequest, 'config' | 'yaml' | 'resume' | 'start'>;

const pollMilliseconds = 2000;

/**
 * Trains to the end in a new run folder below `output`; returns that folder and the result rows. Throws `GalaError`.
 */
export async function trainExperiment(
  { config, yaml, warnings }: LoadedConfig,
  options: ExperimentOptions,
): Promise<{ folder: string; rows: ResultRow[] }> {
  const { output = 'runs', onNotice = () => undefined } = options;
  const first = config.stages?.representation;
  const directory =
    first &&
    (await finishedFirstStage(first, output, {
      train: ({ held, loaded, resume, onBegun }) => trainIn(held, { ...loaded, resume }, options, onBegun),
      waitUntil: async (isFree, sentences) => {
        for (const sentence of sentences) onNotice(`First stage, ${first.name}: ${sentence}`);
        while (!isFree()) await sleep(pollMilliseconds);
      },
      onNote: sentence => onNotice(`First stage, ${first.name}: ${sentence}`),
    }));
  const start = directory === undefined ? undefined : readStartingPoint(directory, output);
  const held = beginRunFolder({ output, name: config.name, seed: config.seed });
  for (const warning of warnings) onNotice(`Warning: ${warning}`);
  const rows = await trainIn(held, { config, yaml, resume: false, start }, options);
  return { folder: held.folder.directory, rows };
}

async function trainIn(
  held: HeldRun,
  training: Training,
  { data, onEpoch = () => undefined, onNotice = () => undefined }: ExperimentOptions,
  onStart: () => void = () => undefined,
): Promise<ResultRow[]> {
  const nothing = () => undefined;
  const observer: RunObserver = {
    ...{ onEpoch, onNotice, onStart },
    ...{ onSteps: nothing, onEvaluationStart: nothing, check: { onCheck: nothing, onChecked: nothing } },
  };
  const stop = { signal: undefined, dispose: nothing };
  try {
    // Nothing asks this run to stop, so it ends with its rows.
    return (await executeRun({ ...training, folder: held.folder, dataRoot: data, stop, observer }))!;
  } finally {
    leaveRunFolder(held);
  }
}
