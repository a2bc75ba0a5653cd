/** Where a run begins: at step 0 from drawn or given weights, or at the checkpoint that it goes on from. */
import { existsSync } from 'node:fs';
import { StorageError } from '../errors.js';
import { keepsClassifier } from '../models/index.js';
import { withFreshAverages } from '../models/modelEntries.js';
import { readMetrics } from '../run/metricsLog.js';
import type { WeightsRecord } from '../run/recordSchema.js';
import type { RunFolder } from '../run/runFolder.js';
import type { HostTensors } from '../tensor.js';
import { readLastCheckpoint, startOfTraining, type TrainingProgress } from './checkpoint.js';
import type { Experiment } from './experiment.js';
import type { RunRequest } from './runRequest.js';
import { describeWeights, startingState } from './startingState.js';
import { inOrderOf } from './state.js';
import { startFrom } from './twoStages/startingPoint.js';

export interface Beginning {
  /** Its entries are in the order of `initialState`. */
  readonly state: HostTensors;
  readonly progress: TrainingProgress;
  /** Path of the checkpoint that the run goes on from. */
  readonly checkpoint?: string;
  /** The weights file that a new run begins with. */
  readonly weights?: WeightsRecord;
}

/**
 * The last checkpoint of a run that is resumed; undefined for a new run, and where none was written yet. Throws
 * `StorageError`.
 */
export function savedBeginning({ folder, observer }: RunRequest, experiment: Experiment): Beginning | undefined {
  const saved = readLastCheckpoint(folder.checkpoints, loggedEpochs(folder));
  if (saved === undefined) return undefined;
  if (saved.notice) observer.onNotice(saved.notice);
  const { path, progress, state } = saved.checkpoint;
  return { state: inOrderOf(experiment.initialState(), state), progress, checkpoint: path };
}

/** Step 0: from the first stage, from a weights file, or as drawn from the seed. Throws `StorageError`, `DataError`. */
export async function newBeginning(request: RunRequest, experiment: Experiment): Promise<Beginning> {
  const { start, config, folder, observer } = request;
  const progress = startOfTraining;
  const initial = experiment.initialState();
  if (start) {
    const state = startFrom(initial, start.weights, keepsClassifier(config.model));
    return { state: withFreshAverages(state), progress };
  }
  if (config.stages !== undefined)
    throw new StorageError('This run of a second stage has no checkpoint, and so no backbone to start from.', {
      where: folder.checkpoints,
      next: 'Start it anew without --resume; the first stage is not trained again.',
    });
  const starting = await startingState(initial, config.model);
  if (starting.weights) observer.onNotice(describeWeights(starting.weights));
  return { ...starting, progress };
}

/**
 * The last epoch that is in both logs; a checkpoint is written after its epoch's lines, so only damage leaves them
 * behind it.
 */
function loggedEpochs(folder: RunFolder): number {
  const logs = [folder.metrics, folder.gradients].filter(path => existsSync(path));
  return Math.min(...logs.map(path => readMetrics(path).lines.at(-1)?.epoch ?? 0));
}
