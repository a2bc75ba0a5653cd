/**
 * Evaluations that need a network: of a run's checkpoint, or of a weights file. Stored logits are taken where they are
 * current.
 */
import { existsSync } from 'node:fs';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { Dataset } from '../data/dataset.js';
import type { CheckWatcher } from '../data/verify/checkSplit.js';
import { cacheWarning } from '../engine/install/cacheAccess.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { type Evaluation, readLogitsFile, writeLogitsFile } from '../eval/logitsFile.js';
import { modelEntries } from '../models/modelEntries.js';
import { fitState } from '../models/weights.js';
import { describeFit, fitFile, readWeightsFile } from '../models/weightsFile.js';
import { dataRootOf, readRecord } from '../run/record.js';
import { holdRunFolder, logitsPath, openRunFolder, type RunFolder } from '../run/runFolder.js';
import { listStoredLogits, storedLogits } from '../run/storedLogits.js';
import type { HostTensors } from '../tensor.js';
import { type Checkpoint, chooseCheckpoint, readCheckpoint } from './checkpoint.js';
import { evaluateSplit, type LogitsSource } from './evaluateSplit.js';
import { compileForEvaluation, type Experiment, openExperiment } from './experiment.js';
import { otherImages, otherSplits } from './splits.js';

export type Split = 'test' | 'val' | 'train';

export interface RunEvaluation {
  readonly run: string;
  /** `best`, `last` or the path of a checkpoint file; when left out, `best` where the run has one, else `last`. */
  readonly checkpoint?: string | undefined;
  readonly split: Split;
  readonly dataRoot?: string | undefined;
  readonly watcher?: CheckWatcher | undefined;
  /** Hears what the user should know. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** `engine=…`, `device=…`: a run may be evaluated on another machine than it was trained on. */
  readonly overrides?: readonly string[];
}

/**
 * Logits of one split by one checkpoint of a run. They are kept in the run's logits/ and read from there the next time,
 * as long as the checkpoint is of the same epoch; those of a finished run also without the checkpoint. With an engine
 * or a device named they are computed, and not kept. Throws `StorageError`, `DataError`, `ConfigError`, `EngineError`.
 */
export async function evaluateRun(request: RunEvaluation): Promise<Evaluation> {
  const { split, dataRoot, watcher, overrides = [], onNote } = request;
  const folder = openRunFolder(request.run);
  const isComputed = overrides.length > 0;
  const fromStore = (evaluation: Evaluation): Evaluation => {
    if (dataRoot !== undefined) onNote?.('The logits that this run keeps are used; --data is not read.');
    return evaluation;
  };
  const kept = isComputed ? undefined : storedLogits(folder, split, request.checkpoint);
  if (kept) return fromStore(kept);
  const { name: checkpoint, path, isNamed } = checkpointOf(folder, request.checkpoint);
  const { state, progress } = readCheckpoint(path);
  // Inside an epoch it is of no epoch that metrics.jsonl tells of.
  const epoch = progress.step === 0 ? progress.epoch - 1 : undefined;
  const stored = isNamed && !isComputed ? logitsPath(folder, `${split}-${checkpoint}`) : undefined;
  if (stored && epoch !== undefined && existsSync(stored)) {
    const evaluation = readLogitsFile(stored);
    if (evaluation.epoch === epoch) return fromStore(evaluation);
  }
  const { config } = loadConfig(folder.config, { set: overrides });
  const root = dataRootOf(readRecord(folder.record), dataRoot);
  const experiment = await openExperiment(config, root, { check: [split], ...(watcher && { watcher }) });
  for (const note of experiment.datasets.notes) onNote?.(note);
  const warning = cacheWarning();
  if (warning !== undefined) onNote?.(`Warning: ${warning}`);
  const isOfRun = isOfSameImages(experiment, split, folder, onNote);
  const selectedOn = checkpoint === 'best' ? config.eval.select_on : checkpoint === 'last' ? 'last' : undefined;
  const source = { checkpoint, ...(epoch !== undefined && { epoch, ...(selectedOn && { selected_on: selectedOn }) }) };
  const model = fitState(modelOf(experiment), state, path);
  const evaluation = await evaluateWith(experiment, model, split, source);
  if (stored && isOfRun) storeLogits(stored, evaluation, folder, { path, progress }, onNote);
  return evaluation;
}

/**
 * Whether the split is the one of run.json. Other test images are evaluated, such as the files of a packed set, and
 * told; other images of train and val may hold out what was trained on, and with other class counts many, medium and
 * few are other classes: `DataError`.
 */
function isOfSameImages(
  experiment: Experiment,
  split: Split,
  folder: RunFolder,
  onNote: RunEvaluation['onNote'],
): boolean {
  const { splits } = readRecord(folder.record);
  const others = otherSplits(splits, experiment);
  const areOtherCounts = splits.train?.class_counts?.join() !== experiment.datasets.counts.join();
  // With parts drawn from one folder, other files are other parts: images to test on were trained on.
  const isDrawn = split !== 'test' || experiment.config.data.split !== undefined;
  const refused = others.find(name => (name === split && isDrawn) || (name === 'train' && areOtherCounts));
  if (refused !== undefined)
    throw otherImages(refused, folder, experiment, 'evaluate other images with --config C --weights FILE');
  if (!others.includes(split)) return true;
  onNote?.('The test images are not those that this run was evaluated on: the logits are not kept in the run.');
  return false;
}

/**
 * Only the holder of the folder may write to it; a training that went on meanwhile may have stored the logits of later
 * weights.
 */
function storeLogits(
  file: string,
  evaluation: Evaluation,
  folder: RunFolder,
  { path, progress }: Pick<Checkpoint, 'path' | 'progress'>,
  onNote: RunEvaluation['onNote'],
): void {
  try {
    const { lock } = holdRunFolder(folder);
    try {
      const now = readCheckpoint(path).progress;
      if (now.epoch === progress.epoch && now.step === progress.step) writeLogitsFile(file, evaluation);
      else onNote?.('The training went on meanwhile: the logits are not kept in the run.');
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    onNote?.(`The logits are not kept in the run: ${error.message}`);
  }
}

/** As `chooseCheckpoint`; where there is none, the error tells what can be evaluated without. */
function checkpointOf(folder: RunFolder, given: string | undefined): ReturnType<typeof chooseCheckpoint> {
  try {
    return chooseCheckpoint(folder.checkpoints, given);
  } catch (error) {
    const stored = listStoredLogits(folder);
    if (!(error instanceof StorageError) || stored.length === 0) throw error;
    throw withRemedy(
      error,
      `Without it only stored logits can be evaluated: ${stored.join(', ')} (--split and --checkpoint).`,
    );
  }
}

/**
 * Logits of one split by a weights file, whatever kind `readWeightsFile` takes; it must fill the whole network. Throws
 * as `evaluateRun`.
 */
export async function evaluateWeights(
  config: Config,
  weights: string,
  split: Split,
  { dataRoot, watcher, onNote }: Pick<RunEvaluation, 'dataRoot' | 'watcher' | 'onNote'> = {},
): Promise<Evaluation> {
  const file = await readWeightsFile(weights);
  const experiment = await openExperiment(config, dataRoot, { check: [split], ...(watcher && { watcher }) });
  const fitted = fitFile(modelOf(experiment), file, 'network');
  for (const sentence of describeFit(fitted)) onNote?.(sentence);
  return evaluateWith(experiment, fitted.values, split, { checkpoint: weights });
}

async function evaluateWith(
  experiment: Experiment,
  model: HostTensors,
  split: Split,
  source: LogitsSource,
): Promise<Evaluation> {
  const dataset = datasetOf(experiment, split);
  const executable = await compileForEvaluation(experiment, model);
  try {
    return await evaluateSplit(experiment, executable, split, dataset, source);
  } finally {
    executable.dispose();
  }
}

/** The entries of a network that an evaluation fills. */
function modelOf(experiment: Experiment): HostTensors {
  return modelEntries(experiment.initialState());
}

function datasetOf({ datasets, config }: Experiment, split: Split): Dataset {
  const dataset = datasets[split];
  if (dataset) return dataset;
  throw new ConfigError('This experiment has no split val: no images were held out.', {
    where: `eval.select_on: ${config.eval.select_on}`,
    next: 'Use --split test or train, or train with `--set eval.select_on=val`.',
  });
}
