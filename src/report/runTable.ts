/** What a reader needs to trust the numbers of a report: where they come from, run beside run, and what to be careful about. */
import type { Scores } from '../eval/metrics.js';
import { percent } from './csv.js';
import { oracleTau } from './plots/tauSweep.js';
import type { ReportRun } from './reportRun.js';
import { choiceOf } from './source.js';

export interface RunTableRow {
  readonly title: string;
  /** One cell per run; what is not known is `–`. */
  readonly cells: readonly string[];
}

const hashLength = 12;

const rows: readonly (readonly [title: string, cell: (run: ReportRun) => string])[] = [
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
  ['augmentation', ({ record: { config } }) => config.data.augment.join(', ') || 'none'],
  ['seed', ({ record }) => String(record.seeds.run)],
  [
    'engine',
    ({ record: { engine } }) =>
      `${engine.engine} ${engine.version}, ${engine.precision}, ${engine.device}, ${engine.threads} threads`,
  ],
  ['machine', ({ record: { host } }) => `${host.cpu}, ${host.cores} cores, ${host.platform}`],
  ['software', ({ record: { versions } }) => `gala ${versions.gala}, Node ${versions.node}`],
  [
    'git, working folder',
    ({ record: { git } }) => (git === undefined ? '–' : `${short(git.commit)}${git.dirty ? ', changed files' : ''}`),
  ],
  ['time', timeText],
  [
    'resumed',
    ({ record: { resumes } }) => resumes.map(({ from_epoch }) => `after epoch ${from_epoch}`).join(', ') || 'never',
  ],
  ['config hash', ({ record }) => short(record.config_hash)],
];

export function runTableRows(runs: readonly ReportRun[]): RunTableRow[] {
  return rows.map(([title, cell]) => ({ title, cells: runs.map(cell) }));
}

/** Sentences that a reader must know before trusting or comparing the numbers; none when there is nothing to say. */
export function cautionsOf(runs: readonly ReportRun[]): string[] {
  const those = (test: (run: ReportRun) => boolean) => runs.filter(test).map(({ label }) => label);
  const cautions: string[] = [];
  const say = (labels: readonly string[], text: string) => {
    if (labels.length > 0) cautions.push(labels.length === runs.length ? text : `${text} (${labels.join(', ')})`);
  };
  say(
    those(({ evaluation }) => evaluation.selectedOn === 'test'),
    'The epoch was chosen on the test split that it is reported on, so its top-1 is the highest of many looks; “last evaluated epoch” was not chosen.',
  );
  say(
    those(({ record }) => record.status !== 'finished'),
    'Not finished: the numbers are of an unfinished training.',
  );
  say(
    those(({ record }) => record.git?.dirty === true),
    'The working folder had changes that its commit does not tell.',
  );
  say(
    those(({ record: { engine, resumes } }) =>
      resumes.some(({ engine: later }) => later.precision !== engine.precision || later.threads !== engine.threads),
    ),
    'Resumed with another precision or thread count: an unbroken run would give other numbers.',
  );
  const differing = (
    [
      ['training images', run => run.record.splits.train?.index_hash ?? run.record.splits.train?.fingerprint],
      ['test images', run => run.record.splits.test?.fingerprint],
      ['network', run => settings(run.record.config.model)],
      ['epochs', run => run.record.config.train.epochs],
      ['batch size', run => run.record.config.train.batch_size],
      ['optimizer', run => settings(run.record.config.optim)],
      ['augmentation', run => run.record.config.data.augment.join()],
      ['precision', run => run.record.engine.precision],
      ['choice of the epoch', run => run.evaluation.selectedOn],
      ['τ', run => run.tau],
    ] as readonly (readonly [string, (run: ReportRun) => unknown])[]
  ).filter(([, of]) => new Set(runs.map(of)).size > 1);
  if (differing.length > 0) cautions.push(`The runs differ in: ${differing.map(([name]) => name).join(', ')}.`);
  return cautions;
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

function timeText({ record: { started_at, training_seconds } }: ReportRun): string {
  const minutes = training_seconds / 60;
  const duration = minutes < 90 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
  return `${duration} of training steps, started ${started_at.slice(0, 16).replace('T', ' ')} UTC`;
}

function settings(values: Readonly<Record<string, unknown>>): string {
  const { name, ...others } = values;
  const words = Object.entries(others).map(([key, value]) => `${key} ${value}`);
  return [...(name === undefined ? [] : [String(name)]), ...words].join(', ');
}

function short(hash: string): string {
  return hash.slice(0, hashLength);
}
