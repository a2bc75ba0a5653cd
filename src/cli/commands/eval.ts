/** `gala eval`: the accuracy table of a run, of a weights file, or of stored logits, for any τ. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError, StorageError, withRemedy } from '../../errors.js';
import type { Evaluation } from '../../eval/logitsFile.js';
import { diskFault } from '../../io/faults.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import type { TableFormat } from '../../tables/column.js';
import type { SummarizedEvaluation } from '../../tables/resultFiles.js';
import type { Split } from '../../train/evaluateRun.js';
import { printTable, tableWidth } from '../display/output.js';
import { createCheckDisplay, createProgress } from '../display/progress.js';
import {
  addRunsOption,
  dataOption,
  deviceOption,
  type EngineFlags,
  engineOption,
  engineOverrides,
  formatOption,
  refuseUnused,
  runArgument,
  runOption,
  wantedRun,
  wideOption,
} from '../options.js';

interface EvalFlags extends EngineFlags {
  readonly run?: string;
  readonly checkpoint?: string;
  readonly config?: string;
  readonly set?: string[];
  readonly weights?: string;
  readonly logits?: string;
  readonly split: Split;
  readonly tau?: number[];
  readonly logitAdjustment: number[];
  readonly data?: string;
  readonly output?: string;
  readonly format: TableFormat;
  readonly wide?: boolean;
}

export function registerEvalCommand(program: Command): void {
  addRunsOption(program.command('eval'))
    .description('evaluate a run, a weights file or stored logits; plain and re-balanced')
    .addArgument(runArgument())
    .addOption(runOption())
    .option('--checkpoint <which>', 'with --run: best, last or a checkpoint file (default: best where there is one)')
    .option('--config <config>', 'with --weights: the experiment the weights belong to')
    .option('--set <key=value...>', 'with --config: override keys')
    .option('--weights <file>', 'a weights file: .pth, .safetensors, a checkpoint; see docs/weights.md')
    .option('--logits <file>', 'a logits file of a run; needs neither data nor engine')
    .addOption(new Option('--split <split>', 'which images').choices(['test', 'val', 'train']).default('test'))
    .option(
      '--tau <list>',
      're-balancing strengths, such as 0,0.5,1 (default: eval.tau of the run or config; with --logits 1)',
      parseTaus,
    )
    .option(
      '--logit-adjustment <list>',
      'strengths τ of post-hoc logit adjustment (by the training prior), such as 0.5,1',
      parseTaus,
      [],
    )
    .addOption(dataOption())
    .addOption(engineOption())
    .addOption(deviceOption())
    .option(
      '--output <dir>',
      'where to write table.md, table.csv, per_class.csv, predictions.csv (with --run: DIR/eval/…)',
    )
    .addOption(formatOption())
    .addOption(wideOption())
    .action(evaluate);
}

/** The options that each thing to evaluate leaves without effect. */
const unusedBeside = {
  run: ['config', 'set'],
  weights: ['checkpoint'],
  logits: ['checkpoint', 'config', 'set', 'split', 'data', 'engine', 'device'],
} as const;

async function evaluate(
  word: string | undefined,
  given: EvalFlags & { runs: string },
  command: Command,
): Promise<void> {
  const { runFolderOf } = await import('../../run/namedRun.js');
  const named = word === undefined ? given.run : wantedRun(word, given);
  const run = named === undefined ? undefined : runFolderOf(named, given.runs);
  const flags: EvalFlags = { ...given, ...(run !== undefined && { run }) };
  const source = requireOneSource(flags);
  refuseUnused(command, unusedBeside[source], source === 'run' ? 'with a run' : `with --${source}`);
  const { evaluation, taus, tauSelectedOn } = await evaluationOf(flags);
  const { summarize, bestTau, selectingScore } = await import('../../eval/summary.js');
  const { metricOf } = await import('../../eval/scores.js');
  const { resultRows } = await import('../../eval/resultRow.js');
  const { accuracyColumns } = await import('../../tables/scoreColumns.js');
  const { formatTable, wrapped } = await import('../../tables/format.js');
  const summary = summarize(evaluation, taus, flags.logitAdjustment);
  const rows = resultRows(evaluation, summary, tauSelectedOn);
  const layout = { wide: flags.wide, width: tableWidth() };
  // One thing is evaluated: its name in every line would tell nothing. Programs may want to put several tables
  // together.
  const isForPeople = flags.format === 'terminal' || flags.format === 'md';
  const columns = isForPeople ? accuracyColumns.filter(({ key }) => key !== 'run') : accuracyColumns;
  printTable(formatTable(rows, columns, flags.format, layout), flags.format);
  if (taus.length > 1 && flags.format === 'terminal') {
    const { split } = evaluation;
    const score = selectingScore(split);
    const best = `τ = ${bestTau(summary, score)} gives the highest ${metricOf(score).title}`;
    const sentence = `${best}. A τ chosen for this reason was chosen on the ${split} images that it is reported on.`;
    process.stdout.write(`\n${wrapped(sentence, tableWidth())}\n`);
  }
  const output = makeOutputFolder(flags, evaluation);
  if (output) await writeFiles(output, { evaluation, summary }, tauSelectedOn);
}

/** What is evaluated. Throws `ConfigError` for nothing, for several things, and for weights without their config. */
function requireOneSource(flags: EvalFlags): keyof typeof unusedBeside {
  const [source, ...others] = (['run', 'weights', 'logits'] as const).filter(name => flags[name] !== undefined);
  const hasItsConfig = source !== 'weights' || flags.config !== undefined;
  if (source !== undefined && others.length === 0 && hasItsConfig) return source;
  throw new ConfigError('Give one thing to evaluate: a run, weights with their config, or logits.', {
    where: 'gala eval',
    next: 'gala eval RUN, or --config C --weights FILE, or --logits FILE.',
  });
}

interface Evaluated {
  readonly evaluation: Evaluation;
  readonly taus: readonly number[];
  /** `tau_selected_on` of the rows. */
  readonly tauSelectedOn: 'given' | 'config' | 'default';
}

async function evaluationOf({
  run,
  checkpoint,
  config,
  set = [],
  weights,
  logits,
  split,
  data,
  tau,
  ...engineFlags
}: EvalFlags): Promise<Evaluated> {
  const at = (evaluation: Evaluation, standard: number, standardIs: 'config' | 'default'): Evaluated =>
    tau === undefined
      ? { evaluation, taus: [standard], tauSelectedOn: standardIs }
      : { evaluation, taus: tau, tauSelectedOn: 'given' };
  if (logits !== undefined) {
    const { readLogitsFile } = await import('../../eval/logitsFile.js');
    return at(readLogitsFile(logits), 1, 'default');
  }
  const { evaluateRun, evaluateWeights } = await import('../../train/evaluateRun.js');
  const overrides = engineOverrides(engineFlags);
  const progress = createProgress();
  const watcher = createCheckDisplay(progress);
  const onNote = (line: string) => progress.note(line);
  if (run !== undefined) {
    const [{ configOf }, { readRecord }, { openRunFolder }] = await Promise.all([
      import('../../config/identity.js'),
      import('../../run/record.js'),
      import('../../run/runFolder.js'),
    ]);
    const evaluation = await evaluateRun({
      ...{ run, checkpoint, split, dataRoot: data, watcher, overrides },
      onNote,
    });
    return at(evaluation, configOf(readRecord(openRunFolder(run).record)).eval.tau, 'config');
  }
  const { loadConfig } = await import('../../config/load.js');
  const loaded = loadConfig(config!, { set: [...set, ...overrides] }).config;
  const evaluation = await evaluateWeights(loaded, weights!, split, { dataRoot: data, watcher, onNote });
  return at(evaluation, loaded.eval.tau, 'config');
}

/**
 * The folder for the files of an evaluation: the one that was named, else one in that of the run; undefined without
 * either.
 */
function makeOutputFolder({ output, run, split }: EvalFlags, { checkpoint, epoch }: Evaluation): string | undefined {
  const [root, ...parts] =
    output === undefined && run !== undefined ? [run, 'eval', nameOf(split, checkpoint, epoch)] : [output];
  if (root === undefined) return undefined;
  try {
    return makeFolderBelow(root, ...parts);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw withRemedy(
      diskFault('Could not make the folder', join(root, ...parts), error),
      'Or choose another place with --output.',
    );
  }
}

function nameOf(split: string, checkpoint: string, epoch: number | undefined): string {
  return `${split}-${basename(checkpoint, '.safetensors')}${epoch === undefined ? '' : `-epoch${epoch}`}`;
}

async function writeFiles(folder: string, summarized: SummarizedEvaluation, tauSelectedOn: string): Promise<void> {
  const { writeResultFiles } = await import('../../tables/resultFiles.js');
  const done = existsSync(join(folder, 'table.md')) ? 'Replaced in' : 'Written to';
  writeResultFiles(folder, [summarized], tauSelectedOn);
  process.stderr.write(`${done} ${folder}: table.md, table.csv, per_class.csv, predictions.csv\n`);
}

function parseTaus(text: string): number[] {
  const taus = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
  if (taus.every(tau => Number.isFinite(tau) && tau >= 0)) return taus;
  throw new InvalidArgumentError('It must be numbers of at least 0, separated by commas, such as 0,0.5,1.');
}
