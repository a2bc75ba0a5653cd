/** The display of a training run: for a person on stderr, with --json for a program on stdout. */
import { groupKeys } from '../../eval/scores.js';
import { displayPath } from '../../io/homePath.js';
import type { EpochMetrics } from '../../run/metricsLog.js';
import { epochPrecision } from '../../run/processes.js';
import { readRecord } from '../../run/record.js';
import type { RunFolder } from '../../run/runFolder.js';
import type { RunObserver } from '../../train/runRequest.js';
import { printJson } from './output.js';
import { createCheckDisplay, createProgress } from './progress.js';

export interface TrainDisplay extends RunObserver {
  /** Removes the progress bar; harmless when there is none. */
  stop(): void;
}

/** Calls of the engine over which the rate is measured. */
const rateWindow = 50;

export interface TrainDisplayFlags {
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** The run folder, absolute. */
  readonly folder: string;
}

/** Progress and notes go to stderr; with `json`, start and epochs go to stdout, one object a line. */
export function createTrainDisplay(flags: TrainDisplayFlags): TrainDisplay {
  const { quiet = false, json = false, folder } = flags;
  const progress = createProgress({ quiet: quiet || json });
  const print = (object: object) => json && printJson(object);
  let epochs = 0;
  let stepsPerEpoch = 0;
  let batchSize = 0;
  let marks: { readonly time: number; readonly steps: number }[] = [];
  let epochStarted = performance.now();

  return {
    check: createCheckDisplay(progress),
    onNotice(line) {
      // Quiet progress prints no notes, but notices (warnings, a stop, the next step) must always be seen.
      if (quiet || json) process.stderr.write(`${line}\n`);
      else progress.note(line);
    },
    onStart({ experiment, engine, progress: { epoch, step } }) {
      const { config, datasets } = experiment;
      epochs = config.train.epochs;
      stepsPerEpoch = experiment.stepsPerEpoch;
      batchSize = config.train.batch_size;
      const { train, counts } = datasets;
      progress.note(
        `${config.name}, seed ${config.seed}: ${train.length} images of ${counts.length} classes ` +
          `(${Math.max(...counts)} … ${Math.min(...counts)})`,
      );
      const length =
        epochs === 0 ? 'nothing to train' : `${epochs} epoch${epochs === 1 ? '' : 's'} of ${stepsPerEpoch} steps`;
      progress.note(
        `${config.model.backbone}, ${length}; ${engine.engine} ${engine.version}, ${engine.precision}, ` +
          `${engine.threads} thread${engine.threads === 1 ? '' : 's'} on ${engine.device}`,
      );
      progress.note(`Run folder: ${displayPath(folder)}`);
      progress.note(`Top-1 in %: all (${groupKeys.join('/')}), and all re-balanced at τ = ${config.eval.tau}.`);
      if (config.eval.select_on === 'val')
        progress.note('gala keeps the epoch with the highest balanced accuracy (the mean over the classes) on val.');
      if (epoch > 1 || step > 0) progress.note(`Going on at epoch ${epoch}, step ${step + 1}.`);
      print({
        type: 'start',
        folder,
        name: config.name,
        seed: config.seed,
        epochs,
        steps_per_epoch: stepsPerEpoch,
        engine,
        epoch,
        step,
      });
      epochStarted = performance.now();
      if (epochs === 0) return;
      progress.start(epochs * stepsPerEpoch, { epoch: `${epoch}/${epochs}` }, (epoch - 1) * stepsPerEpoch + step);
    },
    onSteps({ epoch, step, steps, loss, learningRate }) {
      marks.push({ time: performance.now(), steps });
      if (marks.length > rateWindow) marks.shift();
      const seconds = (marks.at(-1)!.time - marks[0]!.time) / 1000;
      const since = marks.slice(1).reduce((sum, mark) => sum + mark.steps, 0);
      progress.update((epoch - 1) * stepsPerEpoch + step, {
        epoch: `${epoch}/${epochs}`,
        step: `${step}/${stepsPerEpoch}`,
        'img/s': seconds > 0 ? Math.round((since * batchSize) / seconds) : '…',
        loss: loss.toFixed(3),
        lr: learningRate.toPrecision(3),
      });
    },
    onEvaluationStart() {
      marks = [];
    },
    onEpoch(metrics) {
      const seconds = (performance.now() - epochStarted) / 1000;
      epochStarted = performance.now();
      progress.note(epochLine(metrics, epochs, seconds));
      print({ type: 'epoch', ...metrics });
    },
    stop: () => progress.stop(),
  };
}

/** Says of a finished run why its epoch lines and its table may differ; empty where both have one precision. */
export function precisionNote({ record }: Pick<RunFolder, 'record'>): string {
  const run = readRecord(record);
  const precision = epochPrecision(run);
  if (precision === undefined) return '';
  return `The table is computed in ${run.results[0]!.precision}, the epoch lines in ${precision}: they may differ.\n`;
}

/**
 * `epoch   5/200  24 s  loss 3.678  lr 0.0972`, and for each evaluated split a line `  test 7.20 (18.1/1.9/0.1);
 * re-balanced 8.65`, with balanced accuracy where it is not top-1: a terminal of 80 columns folds none.
 */
function epochLine(metrics: EpochMetrics, epochs: number, seconds: number): string {
  const value = (name: string, digits: number) =>
    metrics[name] === undefined ? '–' : Number(metrics[name]).toFixed(digits);
  const parts = [
    `epoch ${String(metrics.epoch).padStart(String(epochs).length)}/${epochs}`,
    `${Math.round(seconds)} s`,
    `loss ${value('loss', 3)}`,
    `lr ${Number(metrics.learning_rate).toPrecision(3)}`,
  ];
  const lines = [parts.join('  ')];
  for (const split of ['test', 'val']) {
    const [plain, rebalanced] = ['', '_rebalanced'].map(kind => {
      const [top1, balanced] = ['top1', 'balanced_accuracy'].map(key => value(`${split}_${key}${kind}`, 2));
      return { top1, balanced: balanced === top1 || balanced === '–' ? '' : `, balanced ${balanced}` };
    });
    if (metrics[`${split}_top1`] === undefined) continue;
    const groups = groupKeys.map(group => value(`${split}_${group}`, 1)).join('/');
    lines.push(
      `  ${split} ${plain!.top1} (${groups})${plain!.balanced}; re-balanced ${rebalanced!.top1}${rebalanced!.balanced}`,
    );
  }
  return lines.join('\n');
}
