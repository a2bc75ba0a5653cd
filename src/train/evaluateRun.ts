/** Evaluations that need a network: of a run's checkpoint, or of a weights file. Stored logits are taken where they are current. */
import { existsSync } from 'node:fs';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { Dataset } from '../data/dataset.js';
import type { CheckWatcher } from '../data/verify/checkSplit.js';
import { ConfigError, StorageError, withRemedy } from '../errors.js';
import { type Evaluation, readLogitsFile, writeLogitsFile } from '../eval/logitsFile.js';
import { fitWeights } from '../models/weights.js';
import { readWeightsFile } from '../models/weightsFile.js';
import { logitsPath, openRunFolder, type RunFolder } from '../run/runFolder.js';
import { chooseCheckpoint, readCheckpoint } from './checkpoint.js';
import { type Experiment, openExperiment } from './experiment.js';
import { isModelEntry } from './state.js';
import { listStoredLogits, storedLogits } from './storedLogits.js';
import { evaluateSplit } from './trainer.js';

export type Split = 'test' | 'val' | 'train';

export interface RunEvaluation {
  readonly run: string;
  /** `best`, `last` or the path of a checkpoint file; when left out, `best` where the run has one, else `last`. */
  readonly checkpoint?: string | undefined;
  readonly split: Split;
  readonly dataRoot?: string | undefined;
  readonly watcher?: CheckWatcher | undefined;
  /** `engine=…`, `device=…`: a run may be evaluated on another machine than it was trained on. */
  readonly overrides?: readonly string[];
}

/**
 * Logits of one split by one checkpoint of a run. They are kept in the run's logits/ and read from there the next time, as
 * long as the checkpoint is of the same epoch; those of a finished run also without the checkpoint. Throws `StorageError`,
 * `DataError`, `ConfigError`, `EngineError`.
 */
export async function evaluateRun({
  run,
  split,
  dataRoot,
  watcher,
  overrides = [],
  ...given
}: RunEvaluation): Promise<Evaluation> {
  const folder = openRunFolder(run);
  const kept = storedLogits(folder, split, given.checkpoint);
  if (kept) return kept;
  const { name: checkpoint, path, isNamed } = checkpointOf(folder, given.checkpoint);
  const { state, progress } = readCheckpoint(path);
  const epoch = progress.epoch - 1;
  const stored = isNamed ? logitsPath(folder, `${split}-${checkpoint}`) : undefined;
  if (stored && existsSync(stored)) {
    const evaluation = readLogitsFile(stored);
    if (evaluation.epoch === epoch && progress.step === 0) return evaluation;
  }
  const { config } = loadConfig(folder.config, { set: overrides });
  const experiment = await openExperiment(config, dataRoot, { check: [split], ...(watcher && { watcher }) });
  const selectedOn = checkpoint === 'best' ? config.eval.select_on : checkpoint === 'last' ? 'last' : undefined;
  const source = { checkpoint, epoch, ...(selectedOn && { selectedOn }) };
  const evaluation = await evaluateWith(experiment, state, split, source, checkpoint);
  if (stored) writeLogitsFile(stored, evaluation);
  return evaluation;
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

/** Logits of one split by a weights file, whatever kind `readWeightsFile` takes; it must fill the whole network. Throws as `evaluateRun`. */
export async function evaluateWeights(
  config: Config,
  weights: string,
  split: Split,
  { dataRoot, watcher }: Pick<RunEvaluation, 'dataRoot' | 'watcher'> = {},
): Promise<Evaluation> {
  const { tensors } = await readWeightsFile(weights);
  const experiment = await openExperiment(config, dataRoot, { check: [split], ...(watcher && { watcher }) });
  return evaluateWith(experiment, tensors, split, { checkpoint: weights }, weights);
}

async function evaluateWith(
  experiment: Experiment,
  weights: Parameters<typeof fitWeights>[1],
  split: Split,
  source: { checkpoint: string; epoch?: number; selectedOn?: string },
  where: string,
): Promise<Evaluation> {
  const dataset = datasetOf(experiment, split);
  const model = Object.fromEntries(Object.entries(experiment.initialState()).filter(([name]) => isModelEntry(name)));
  const executable = await experiment.compileForEvaluation(fitWeights(model, weights, where));
  try {
    return await evaluateSplit(experiment, executable, split, dataset, source);
  } finally {
    executable.dispose();
  }
}

function datasetOf({ datasets, config }: Experiment, split: Split): Dataset {
  const dataset = datasets[split];
  if (dataset) return dataset;
  throw new ConfigError('This experiment has no split val: no images were held out.', {
    where: `eval.select_on: ${config.eval.select_on}`,
    next: 'Use --split test or train, or train with `--set eval.select_on=val`.',
  });
}
