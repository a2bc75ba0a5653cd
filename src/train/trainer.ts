/** The training loop. Results go to the run folder and to the observer. */
import { existsSync } from 'node:fs';
import type { Executable } from '../engine/program.js';
import { DivergedError } from '../errors.js';
import type { StagedSplits } from '../eval/evaluate.js';
import { type Summary, selectingScore, summarize } from '../eval/summary.js';
import { waitsFor } from '../io/waiting.js';
import { appendEvents } from '../run/eventFile.js';
import { appendEpoch, type EpochMetrics, writeMetricsCsv } from '../run/metricsLog.js';
import { updateRecord } from '../run/record.js';
import type { RunFolder } from '../run/runFolder.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { type Calls, openCalls } from './calls.js';
import { checkpointClock, checkpointPath, type TrainingProgress, writeCheckpoint } from './checkpoint.js';
import { evaluateSplit } from './evaluateSplit.js';
import type { Experiment } from './experiment.js';
import { gradientLine } from './gradientRecord.js';
import type { StopRequest } from './signals.js';
import { readGradientRecord } from './state.js';

/** Callbacks of the loop. */
export interface TrainingObserver {
  /**
   * After each call of the engine, which made `steps` steps: `step` steps of the epoch are done; `loss` of the last.
   */
  onSteps(done: { epoch: number; step: number; steps: number; loss: number; learningRate: number }): void;
  onEvaluationStart(epoch: number): void;
  onEpoch(metrics: EpochMetrics): void;
}

export interface TrainingRun {
  readonly experiment: Experiment;
  readonly executable: Executable;
  /** Splits that stay on the device between evaluations; see `splitOutputs`. */
  readonly staged: StagedSplits;
  readonly folder: RunFolder;
  /** Path of the event file. */
  readonly events: string;
  /** Where to begin; the state of the executable must be of this position. */
  readonly progress: TrainingProgress;
  readonly stop: StopRequest;
  readonly observer: TrainingObserver;
}

/**
 * Trains until the last epoch, or until the end of the engine's call during which a signal asks to stop; returns the
 * position reached. Everything but the times depends only on config, seed, engine and thread count. Throws
 * `DivergedError` when the loss, the state or the logits of an evaluation are no longer finite; the earlier checkpoints
 * stay.
 */
export async function train(run: TrainingRun): Promise<TrainingProgress> {
  const { experiment, executable, folder } = run;
  const { config, stepsPerEpoch } = experiment;
  const { epochs } = config.train;
  const calls = await openCalls(experiment, executable, run.progress);
  const isDue = checkpointClock(config.train.checkpoint_every, executable.info);
  let progress = run.progress;

  try {
    while (progress.epoch <= epochs) {
      const { epoch } = progress;
      const learningRate = experiment.learningRate(epoch);

      // ------------------------------------------------ steps
      progress = await trainEpoch(run, calls, progress, learningRate);
      if (progress.step < stepsPerEpoch) {
        saveCheckpoints(run, progress, ['last'], await finiteState(run, progress));
        return progress;
      }

      // ------------------------------------------------ evaluation
      const metrics: Record<string, number> & { epoch: number } = {
        epoch,
        loss: progress.loss_sum / stepsPerEpoch,
        learning_rate: learningRate,
        training_seconds: round(progress.training_seconds, 1),
      };
      const ended = progress;
      let state: HostTensors | undefined;
      let isBest = false;
      if (isEvaluated(epoch, config.train.epochs, config.eval)) {
        run.observer.onEvaluationStart(epoch);
        state = await finiteState(run, ended);
        const summaries = await evaluateSplits(run, epoch);
        for (const [split, summary] of summaries) Object.assign(metrics, splitMetrics(split, summary));
        const { select_on } = config.eval;
        const score = summaries.get(select_on)?.plain[selectingScore(select_on)]; // undefined for `last`
        if (score !== undefined && score > (progress.best?.top1 ?? Number.NEGATIVE_INFINITY)) {
          isBest = true;
          progress = { ...progress, best: { epoch, top1: score } };
        }
      }

      // ------------------------------------------------ logs, then checkpoints: a killed run may repeat an epoch, but
      // never skips one
      progress = { ...progress, epoch: epoch + 1, step: 0, loss_sum: 0 };
      appendEpoch(folder.gradients, gradientLine(epoch, await readGradientRecord(executable)));
      metrics.unix_seconds = round(Date.now() / 1000, 3);
      appendEpoch(folder.metrics, metrics);
      appendEvents(run.events, metrics);
      writeMetricsCsv(folder.metrics, folder.metricsCsv);
      const finished = epoch === epochs;
      const lastIsWanted = isDue(epoch) || finished || run.stop.signal !== undefined;
      const names = [...(isBest ? ['best'] : []), ...(lastIsWanted ? ['last'] : [])];
      if (names.length > 0) saveCheckpoints(run, progress, names, state ?? (await finiteState(run, ended)));
      updateRecord(folder.record, { epoch, training_seconds: progress.training_seconds });
      run.observer.onEpoch(metrics);
      if (run.stop.signal) return progress;
    }
    return progress;
  } finally {
    await calls.close();
  }
}

/** Makes the remaining steps of an epoch. After a stop request it ends with the current call of the engine. */
async function trainEpoch(
  { experiment, stop, observer }: TrainingRun,
  calls: Calls,
  progress: TrainingProgress,
  learningRate: number,
): Promise<TrainingProgress> {
  const { epoch } = progress;
  const started = performance.now();
  let { step, loss_sum } = progress;

  while (step < experiment.stepsPerEpoch && !(stop.signal && step > progress.step)) {
    waitsFor(`batch ${step + 1} of epoch ${epoch} from the data workers`);
    const { staged, steps } = (await calls.next())!;
    waitsFor(`the engine: ${steps === 1 ? 'step' : `${steps} steps from`} ${step + 1} of epoch ${epoch}`);
    const { loss } = await staged.run().finally(staged.dispose);
    // There is one loss per micro-batch; the last one of a step is the loss of the step.
    const losses = loss!.data.filter((_, run) => (run + 1) % experiment.accumulate === 0);
    for (const value of losses) {
      if (!Number.isFinite(value)) throw diverged(`The loss became ${value}`, experiment, epoch, step);
      step++;
      loss_sum += value;
    }
    observer.onSteps({ epoch, step, steps, loss: losses.at(-1)!, learningRate });
  }
  const training_seconds = progress.training_seconds + (performance.now() - started) / 1000;
  return { ...progress, step, loss_sum, training_seconds };
}

/**
 * Scores by the name of the split. Throws `DivergedError` for logits that are not finite: the loss may still be finite,
 * since batch statistics normalise in training and running statistics in an evaluation.
 */
async function evaluateSplits(run: TrainingRun, epoch: number): Promise<Map<string, Summary>> {
  const { config, datasets } = run.experiment;
  const summaries = new Map<string, Summary>();
  for (const split of ['test', 'val'] as const) {
    const dataset = datasets[split];
    if (dataset === undefined) continue;
    const source = { checkpoint: 'last', epoch };
    const evaluation = await evaluateSplit(run.experiment, run.executable, split, dataset, source, run.staged);
    if (!areFinite(evaluation.logits))
      throw notFinite(`The logits of the ${split} images are`, `evaluation after epoch ${epoch}`, run.folder);
    summaries.set(split, summarize(evaluation, [config.eval.tau]));
  }
  return summaries;
}

/** Scores of a split in percent, named as in metrics.jsonl: `test_top1`, `test_many`…, `test_top1_rebalanced`… */
function splitMetrics(split: string, { plain, rebalanced }: Summary): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const [suffix, scores] of [
    ['', plain],
    ['_rebalanced', rebalanced[0]!.scores],
  ] as const) {
    for (const [name, score] of Object.entries(scores)) {
      if (score !== undefined) metrics[`${split}_${name}${suffix}`] = round(100 * score, 4);
    }
  }
  return metrics;
}

/**
 * True for each `every`-th epoch until the fraction `every_epoch_from` of training, each one after it, and the last.
 */
export function isEvaluated(
  epoch: number,
  epochs: number,
  { every, every_epoch_from }: { every: number; every_epoch_from: number },
): boolean {
  return epoch === epochs || epoch % every === 0 || epoch > every_epoch_from * epochs;
}

/** Writes the checkpoints `best`, `last` or both, each with the whole state: a run can be resumed from either. */
function saveCheckpoints(
  { folder }: TrainingRun,
  progress: TrainingProgress,
  names: readonly string[],
  state: HostTensors,
): void {
  for (const name of names)
    writeCheckpoint(folder.checkpoints, name, state, progress, { keepPrevious: name === 'last' });
}

/**
 * The state after a step. Throws `DivergedError` unless it is finite: NaN must not replace the last good checkpoint.
 */
async function finiteState({ executable, folder }: TrainingRun, { epoch, step }: TrainingProgress) {
  const state = await executable.readState();
  for (const [name, { data }] of Object.entries(state)) {
    if (areFinite(data)) continue;
    throw notFinite(`The state entry ${name} is`, `after step ${step} of epoch ${epoch}`, folder);
  }
  return state;
}

/** A loop, because `every` takes seven times as long for millions of values. */
function areFinite(values: HostTensor['data']): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]!) < Infinity)) return false;
  return true;
}

function notFinite(whatIs: string, where: string, { checkpoints }: RunFolder): DivergedError {
  const good = checkpointPath(checkpoints, 'last');
  return new DivergedError(`${whatIs} no longer finite.`, {
    where,
    next: `Lower optim.learning_rate${existsSync(good) ? `; the last good checkpoint is ${good}` : ''}.`,
  });
}

function diverged(what: string, { order, config }: Experiment, epoch: number, step: number): DivergedError {
  const size = config.train.batch_size;
  const indices = order(epoch).subarray(step * size, (step + 1) * size);
  return new DivergedError(`${what}.`, {
    where: `epoch ${epoch}, step ${step + 1}, training images ${indices.join(' ')}`,
    next:
      'Lower optim.learning_rate, or look at these images (indices of the training subset); the checkpoints ' +
      'of before are intact.',
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
