/** What a reader needs to trust the numbers of a report: where they come from, run beside run. */
import { basename } from 'node:path';
import { configOf } from '../config/identity.js';
import type { Config } from '../config/schema.js';
import type { Scores } from '../eval/metrics.js';
import { processesOf, type RecordedProcess } from '../run/record.js';
import { percent } from '../tables/column.js';
import { oracleTau } from './plots/tauSweep.js';
import type { ReportRun } from './reportRun.js';
import { choiceOf } from './source.js';

export interface RunTableRow {
  readonly title: string;
  /** One cell per run; what is not known is `–`. */
  readonly cells: readonly string[];
}

const hashLength = 12;

/** `isShown`: the row is there when it is true of one of the runs, or left out. */
type Row = readonly [title: string, cell: (run: ReportRun) => string, isShown?: (run: ReportRun) => boolean];

const rows: readonly Row[] = [
  ['config', ({ record }) => record.name],
  ['run folder', ({ folder }) => folder],
  ['status', ({ record: { status, epoch, config } }) => `${status}, ${epoch} of ${config.train.epochs} epochs`],
  ['top-1, plain', ({ summary }) => scoresText(summary.plain)],
  ['top-1, re-balanced', ({ summary, tau }) => `${scoresText(summary.rebalanced[0]!.scores)} at τ = ${tau} (config)`],
  ['re-balanced, oracle τ', oracleText],
  ['last evaluated epoch', lastEpochText],
  ['evaluated', evaluatedText],
  ['training images', trainingText],
  ['test images', testText],
  ['loss', ({ record: { config } }) => settings(config.loss)],
  ['network', ({ record: { config } }) => `${config.model.backbone}, ${config.model.head} head`],
  ['training', trainingSettings],
  ['first stage', firstStageText, ({ record }) => record.first_stage !== undefined],
  ['initial weights', weightsText, ({ record }) => record.weights !== undefined],
  ['frozen', frozenText, ({ record }) => configOf(record).freeze.backbone],
  ['augmentation', ({ record: { config } }) => config.data.augment.join(', ') || 'none'],
  ['mixup', run => (mixupOf(run) > 0 ? `α = ${mixupOf(run)}` : 'none'), run => mixupOf(run) > 0],
  ['sampler', samplerOf, run => samplerOf(run) !== 'shuffled'],
  ['seed', ({ record }) => String(record.seeds.run)],
  [
    'engine',
    ofProcesses(
      ({ engine }) =>
        `${engine.engine} ${engine.version}, ${engine.precision}, ${engine.device}, ${engine.threads} threads`,
    ),
  ],
  ['machine', ofProcesses(({ host }) => `${host.cpu}, ${host.cores} cores, ${host.platform}`)],
  ['software', ofProcesses(({ versions }) => `gala ${versions.gala}, Node ${versions.node}`)],
  [
    'git, working folder',
    ofProcesses(({ git }) => (git === undefined ? '–' : `${short(git.commit)}${git.dirty ? ', changed files' : ''}`)),
  ],
  ['time', timeText],
  [
    'resumed',
    ({ record: { resumes } }) => resumes.map(({ from_epoch }) => `after epoch ${from_epoch}`).join(', ') || 'never',
  ],
  ['config hash', ({ record }) => short(record.config_hash)],
];

export function runTableRows(runs: readonly ReportRun[]): RunTableRow[] {
  const shown = rows.filter(([, , isShown]) => isShown === undefined || runs.some(isShown));
  return shown.map(([title, cell]) => ({ title, cells: runs.map(cell) }));
}

/** Of a run that several kinds of processes computed all values: `bf16; then fp32`. */
function ofProcesses(of: (process: RecordedProcess) => string): (run: ReportRun) => string {
  return ({ record }) => [...new Set(processesOf(record).map(of))].join('; then ');
}

function scoresText({ top1, many, medium, few }: Scores): string {
  const group = (accuracy: number | undefined) => percent(accuracy) ?? '–';
  return `${percent(top1)} % (many ${group(many)}, medium ${group(medium)}, few ${group(few)})`;
}

function oracleText(run: ReportRun): string {
  const tau = oracleTau(run);
  const { scores } = run.summary.rebalanced.slice(1).find(row => row.tau === tau)!;
  return `${percent(scores.top1)} % at τ = ${tau}, chosen on test`;
}

function lastEpochText({ metrics }: ReportRun): string {
  const line = metrics.findLast(({ test_top1 }) => typeof test_top1 === 'number');
  if (line === undefined) return '–';
  const rebalanced = line.test_top1_rebalanced;
  const second = typeof rebalanced === 'number' ? `, re-balanced ${rebalanced.toFixed(2)} %` : '';
  return `${Number(line.test_top1).toFixed(2)} % plain${second} (epoch ${line.epoch})`;
}

function evaluatedText({ evaluation: { split, checkpoint, epoch, selectedOn } }: ReportRun): string {
  return `${split} split, checkpoint ${checkpoint}${epoch === undefined ? '' : `, epoch ${epoch}`}${selectedOn === undefined ? '' : `, ${choiceOf(selectedOn)}`}`;
}

function trainingText({
  record: { config, splits, seeds },
  evaluation: { classCounts, classNames },
}: ReportRun): string {
  const counts = `${classNames.length} classes of ${Math.max(...classCounts)} to ${Math.min(...classCounts)}`;
  const hash = splits.train?.index_hash ?? splits.train?.fingerprint;
  const factor =
    config.data.imbalance_factor === 1
      ? ''
      : `, imbalance factor ${config.data.imbalance_factor}, subset seed ${seeds.subset}`;
  return `${config.data.dataset}, ${splits.train?.images ?? '–'} images, ${counts}${factor}${hash === undefined ? '' : `, sha256 ${short(hash)}`}`;
}

function testText({ record: { splits }, evaluation }: ReportRun): string {
  const fingerprint = splits.test?.fingerprint;
  return `${evaluation.labels.length} images${fingerprint === undefined ? '' : `, sha256 ${short(fingerprint)}`}`;
}

function trainingSettings({ record: { config } }: ReportRun): string {
  const { train, optim } = config;
  return `${train.epochs} epochs, batch ${train.batch_size}, ${optim.name}, learning rate ${optim.learning_rate}, weight decay ${optim.weight_decay}`;
}

function firstStageText({ record }: ReportRun): string {
  const { first_stage: first, config } = record;
  if (first === undefined) return 'none';
  return `${first.run}, ${config.stages?.representation.loss.name}, epoch ${first.epoch}, sha256 ${short(first.weights_sha256)}`;
}

function weightsText({ record: { weights } }: ReportRun): string {
  return weights === undefined
    ? 'drawn'
    : `${basename(weights.file)} (${weights.part}), sha256 ${short(weights.sha256)}`;
}

function frozenText({ record }: ReportRun): string {
  const { backbone, batch_stats } = configOf(record).freeze;
  if (!backbone) return 'nothing';
  return batch_stats ? 'backbone and its batch statistics' : 'backbone';
}

function mixupOf({ record }: ReportRun): number {
  return configOf(record).train.mixup_alpha;
}

function samplerOf({ record }: ReportRun): Config['data']['sampler'] {
  return configOf(record).data.sampler;
}

function timeText({ record: { started_at, training_seconds, first_stage: first } }: ReportRun): string {
  const minutes = (training_seconds + (first?.training_seconds ?? 0)) / 60;
  const duration = minutes < 90 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
  return `${duration} of training steps${first ? ' in both stages' : ''}, started ${started_at.slice(0, 16).replace('T', ' ')} UTC`;
}

function settings(values: Readonly<Record<string, unknown>>): string {
  const { name, ...others } = values;
  const words = Object.entries(others).map(([key, value]) => `${key} ${value}`);
  return [...(name === undefined ? [] : [String(name)]), ...words].join(', ');
}

function short(hash: string): string {
  return hash.slice(0, hashLength);
}
