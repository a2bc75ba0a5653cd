/** Facts about the numbers of a report: what they measure, and how they were computed. */
import { basename } from 'node:path';
import { configOf } from '../config/identity.js';
import { describeConfig } from '../config/namedConfig.js';
import type { Config } from '../config/schema.js';
import { epochPrecision, processesOf, trainingSeconds } from '../run/processes.js';
import type { RecordedProcess } from '../run/recordSchema.js';
import { twoDecimals } from '../tables/column.js';
import type { ReportRun } from './reportRun.js';
import { choiceOf, sourceWords } from './source.js';

/** A line of a table, with its value in a run; `–` where the value is unknown. */
export interface Fact {
  readonly title: string;
  readonly cellOf: (run: ReportRun) => string;
}

const hashLength = 12;

/** The row is shown where `isShown` is true of a run; without `isShown`, always. */
type Row = readonly [title: string, cell: (run: ReportRun) => string, isShown?: (run: ReportRun) => boolean];

const rows: readonly Row[] = [
  ['config', ({ record }) => describeConfig(configOf(record))],
  ['run folder', ({ folder }) => folder],
  ['status', ({ record: { status, epoch, config } }) => `${status}, ${epoch} of ${config.train.epochs} epochs`],
  ['re-balanced, oracle τ', oracleText],
  ['last evaluated epoch', lastEpochText],
  ['evaluated', evaluatedText],
  ['training images', trainingText],
  ['test images', testText],
  ['loss', ({ record: { config } }) => settings(config.loss)],
  ['network', ({ record: { config } }) => `${config.model.backbone}, ${config.model.head} head`],
  ['training', trainingSettings],
  ['first stage', firstStageText, ({ record }) => record.first_stage !== undefined],
  ['teachers', teachersText, ({ record }) => record.teachers !== undefined],
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
    ({ record }) => processesOf(record).some(({ git }) => git !== undefined),
  ],
  ['time', timeText],
  [
    'resumed',
    ({ record: { resumes } }) => resumes.map(({ from_epoch }) => `after epoch ${from_epoch}`).join(', ') || 'never',
  ],
  ['config hash', ({ record }) => short(record.config_hash)],
];

/** What the numbers measure, for the top of the page. */
export const subjectFacts: readonly Fact[] = [
  { title: 'data', cellOf: dataText },
  { title: 'loss', cellOf: ({ record: { config } }) => settings(config.loss) },
  { title: 'network', cellOf: ({ record: { config } }) => `${config.model.backbone}, ${config.model.head} head` },
  { title: 'training', cellOf: trainingSettings },
  { title: 'evaluated', cellOf: run => sourceWords([run]) },
];

/** How the numbers were computed. */
export function provenanceFacts(runs: readonly ReportRun[]): Fact[] {
  const shown = rows.filter(([, , isShown]) => isShown === undefined || runs.some(isShown));
  return shown.map(([title, cellOf]) => ({ title, cellOf }));
}

/** All values of a run whose processes differ: `bf16; then fp32`. */
function ofProcesses(of: (process: RecordedProcess) => string): (run: ReportRun) => string {
  return ({ record }) => [...new Set(processesOf(record).map(of))].join('; then ');
}

function oracleText({ scores: { oracle } }: ReportRun): string {
  return `${twoDecimals(oracle.top1)} % at τ = ${oracle.tau}, selected on test`;
}

function lastEpochText({ record, metrics }: ReportRun): string {
  const line = metrics.findLast(({ test_top1 }) => typeof test_top1 === 'number');
  if (line === undefined) return '–';
  const rebalanced = line.test_top1_rebalanced;
  const precision = epochPrecision(record);
  const computed =
    precision === undefined ? '' : `, computed in ${precision}; the table above in ${record.results[0]!.precision}`;
  const second = typeof rebalanced === 'number' ? `, re-balanced ${twoDecimals(rebalanced)} %` : '';
  return `${twoDecimals(Number(line.test_top1))} % plain${second} (epoch ${line.epoch}${computed})`;
}

function evaluatedText({ evaluation: { split, checkpoint, epoch, selected_on } }: ReportRun): string {
  return listed([
    `${split} split`,
    `checkpoint ${checkpoint}`,
    epoch !== undefined && `epoch ${epoch}`,
    selected_on !== undefined && choiceOf(selected_on),
  ]);
}

function dataText(run: ReportRun): string {
  const { record, evaluation } = run;
  const { dataset, imbalance_factor: factor } = record.config.data;
  return listed([
    dataset,
    `${record.splits.train?.images ?? '–'} training images in ${classesText(run)}`,
    factor !== 1 && `imbalance factor ${factor}`,
    `${evaluation.labels.length} test images`,
  ]);
}

function classesText({ evaluation: { classCounts, classNames } }: ReportRun): string {
  let [most, fewest] = [0, Infinity];
  for (const count of classCounts) [most, fewest] = [Math.max(most, count), Math.min(fewest, count)];
  return `${classNames.length} classes of ${most} to ${fewest}`;
}

function trainingText(run: ReportRun): string {
  const { config, splits, seeds } = run.record;
  const { dataset, imbalance_factor: factor } = config.data;
  const hash = splits.train?.index_hash ?? splits.train?.fingerprint;
  return listed([
    dataset,
    `${splits.train?.images ?? '–'} images`,
    classesText(run),
    factor !== 1 && `imbalance factor ${factor}`,
    factor !== 1 && `subset seed ${seeds.subset}`,
    hash !== undefined && `sha256 ${short(hash)}`,
  ]);
}

function testText({ record: { splits }, evaluation }: ReportRun): string {
  const fingerprint = splits.test?.fingerprint;
  return `${evaluation.labels.length} images${fingerprint === undefined ? '' : `, sha256 ${short(fingerprint)}`}`;
}

function trainingSettings({ record: { config } }: ReportRun): string {
  const { train, optim } = config;
  return listed([
    `${train.epochs} epoch${train.epochs === 1 ? '' : 's'}`,
    `batch ${train.batch_size}`,
    optim.name,
    `learning rate ${optim.learning_rate}`,
    `weight decay ${optim.weight_decay}`,
  ]);
}

function firstStageText({ record }: ReportRun): string {
  const { first_stage: first, config } = record;
  if (first === undefined) return 'none';
  const loss = config.stages?.representation.loss.name;
  return `${first.run}, ${loss}, epoch ${first.epoch}, sha256 ${short(first.weights_sha256)}`;
}

function teachersText({ record: { teachers = [], config } }: ReportRun): string {
  const { weight, temperature } = config.distill;
  const runs = teachers.map(({ run, weights_sha256 }) => `${run} (sha256 ${short(weights_sha256)})`);
  return teachers.length === 0 ? 'none' : `${runs.join(', ')}; weight ${weight}, temperature ${temperature}`;
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

function timeText({ record }: ReportRun): string {
  const { started_at, first_stage: first, teachers } = record;
  const minutes = trainingSeconds(record) / 60;
  const duration = minutes < 90 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
  const began = started_at.slice(0, 16).replace('T', ' ');
  const counted = [first && 'in both stages', teachers && 'with those of the teachers'].filter(Boolean);
  return `${[`${duration} of training steps`, ...counted].join(' ')}, started ${began} UTC`;
}

function settings(values: Readonly<Record<string, unknown>>): string {
  const { name, ...others } = values;
  const words = Object.entries(others).map(([key, value]) => `${key} ${value}`);
  return [...(name === undefined ? [] : [String(name)]), ...words].join(', ');
}

function listed(parts: readonly (string | false)[]): string {
  return parts.filter(part => part !== false).join(', ');
}

function short(hash: string): string {
  return hash.slice(0, hashLength);
}
