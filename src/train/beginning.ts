/** The state and position at which a run begins: step 0, or the checkpoint from which it is resumed. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/schema.js';
import { StorageError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { keepsClassifier } from '../models/index.js';
import { backbonePrefix, headPrefix, modelEntries, withFreshAverages } from '../models/modelEntries.js';
import { describeFit, fitFile, readWeightsFile } from '../models/weightsFile.js';
import { readMetrics } from '../run/metricsLog.js';
import type { SourceRun, WeightsRecord } from '../run/recordSchema.js';
import { type RunFolder, runsFolderOf } from '../run/runFolder.js';
import type { HostTensors } from '../tensor.js';
import { readLastCheckpoint, startOfTraining, type TrainingProgress } from './checkpoint.js';
import { teacherEntries } from './distillation.js';
import type { Experiment } from './experiment.js';
import type { RunRequest } from './runRequest.js';
import { inOrderOf } from './state.js';
import { finishedTeachers } from './teachers.js';

export interface Beginning {
  /** Its entries are in the order of `initialState`. */
  readonly state: HostTensors;
  readonly progress: TrainingProgress;
  /** Path of the checkpoint from which the run is resumed. */
  readonly checkpoint?: string;
  /** The weights file with which a new run begins. */
  readonly weights?: WeightsRecord;
  /** The runs that teach a new run. */
  readonly teachers?: readonly SourceRun[];
}

/**
 * The last checkpoint of a run that is resumed; undefined when it has none yet, and for a new run. Throws
 * `StorageError`.
 */
export function savedBeginning({ folder, observer }: RunRequest, experiment: Experiment): Beginning | undefined {
  const saved = readLastCheckpoint(folder.checkpoints, loggedEpochs(folder));
  if (saved === undefined) return undefined;
  if (saved.notice) observer.onNotice(saved.notice);
  const { path, progress, state } = saved.checkpoint;
  return { state: inOrderOf(experiment.initialState(), state), progress, checkpoint: path };
}

/**
 * Step 0, with weights from the first stage, from a weights file, or drawn from the seed. Throws `StorageError`,
 * `DataError`.
 */
export async function newBeginning(
  { firstStage, config, folder, observer }: RunRequest,
  experiment: Experiment,
): Promise<Beginning> {
  const progress = startOfTraining;
  const teachers = finishedTeachers(experiment, runsFolderOf(folder, config.name));
  for (const { description, source } of teachers) observer.onNotice(`Teacher: ${description}, epoch ${source.epoch}`);
  const initial = { ...experiment.initialState(), ...teacherEntries(teachers.map(({ weights }) => weights)) };
  const common = { progress, ...(teachers.length > 0 && { teachers: teachers.map(({ source }) => source) }) };
  if (firstStage) {
    const state = withFirstStage(initial, firstStage.weights, keepsClassifier(config.model));
    return { ...common, state: withFreshAverages(state) };
  }
  if (config.stages !== undefined)
    throw new StorageError('This run of a second stage has no checkpoint, and so no backbone to start from.', {
      where: folder.checkpoints,
      next: 'Start it anew without --resume; the first stage is not trained again.',
    });
  if (config.model.weights === undefined) return { ...common, state: initial };
  const { values, weights } = await weightsOf(config.model.weights, initial, config.model.weights_part);
  observer.onNotice(describeWeights(weights));
  return { ...common, state: withFreshAverages({ ...initial, ...values }), weights };
}

/**
 * `initial` with the backbone of the first stage (parameters and batch statistics), and with `keepsClassifier` also
 * with the weight of its classifier.
 */
function withFirstStage(initial: HostTensors, weights: HostTensors, keepsClassifier: boolean): HostTensors {
  return Object.fromEntries(
    Object.entries(initial).map(([name, value]) => {
      const isTaken = name.startsWith(backbonePrefix) || (keepsClassifier && name === `${headPrefix}weight`);
      const given = isTaken ? weights[name] : value;
      if (given !== undefined && given.shape.join() === value.shape.join()) return [name, given];
      throw new StorageError('The weights of the first stage do not fit this network.', {
        where: `${name} is ${given ? `[${given.shape}]` : 'missing'}, the network has [${value.shape}]`,
        next:
          'Both stages need the same model.backbone and dataset; delete the run of the first stage if it is an ' +
          'old one.',
      });
    }),
  );
}

/** The entries of the network in `initial`, filled from a weights file, and what run.json says about that file. */
async function weightsOf(
  given: string,
  initial: HostTensors,
  part: Config['model']['weights_part'],
): Promise<{ values: HostTensors; weights: WeightsRecord }> {
  const path = withHome(given);
  const file = await readWeightsFile(path);
  const { values, kept: drawn, unused, notes } = fitFile(modelEntries(initial), file, part);
  const { format, sha256 } = file;
  const weights = { file: resolve(path), format, sha256, part, drawn, unused, ...(notes.length > 0 && { notes }) };
  return { values, weights };
}

function describeWeights({ file, format, sha256, drawn, unused, notes = [] }: WeightsRecord): string {
  const begin = `Begins with the weights of ${file} (${format}, sha256 ${sha256.slice(0, 12)}…).`;
  return [begin, ...describeFit({ kept: drawn, unused, notes })].join(' ');
}

/** The last epoch that both logs have. A checkpoint is written after them, so only damage leaves them behind it. */
function loggedEpochs(folder: RunFolder): number {
  const logs = [folder.metrics, folder.gradients].filter(path => existsSync(path));
  return Math.min(...logs.map(path => readMetrics(path).lines.at(-1)?.epoch ?? 0));
}
