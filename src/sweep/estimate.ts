/** The cost of a sweep: time by `gala bench` on this machine, bytes from the sizes of the networks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SetShape, setShape } from '../bench/syntheticData.js';
import type { InferBenchmark, TrainBenchmark } from '../bench/training.js';
import type { LoadedConfig } from '../config/load.js';
import type { Config, StageConfig } from '../config/schema.js';
import { openDatasets } from '../data/index.js';
import { bundledSet, ownSet } from '../data/sets/index.js';
import { EngineError, GalaError } from '../errors.js';
import { tensorBytes } from '../tensor.js';
import { initialStateOf, wholeBatches } from '../train/experiment.js';
import { isEvaluated } from '../train/trainer.js';
import { galaCommand } from './command.js';

/** Images per second of training, with batches from the pipeline, and of evaluation. */
export interface Speed {
  readonly train: number;
  readonly evaluate: number;
}

/** Images of an epoch of training, and of each split that a run evaluates. */
export interface SetSizes {
  readonly train: number;
  readonly heldOut: number;
  readonly test: number;
}

/** The sizes of a config's set, read from its files where nothing else tells them. */
export interface PlannedSet extends Pick<SetShape, 'imageShape' | 'counts'> {
  readonly sizes: SetSizes;
  /** The folder that was read; undefined where no file was needed. */
  readonly data?: string;
  /** Why the sizes are assumed: the error of reading the set. */
  readonly assumed?: string;
}

/**
 * The set of a config. Where its files are needed they are below `dataRoot`, GALA_DATA or `data.root`; none is decoded.
 */
export async function plannedSet(config: Config, dataRoot: string | undefined): Promise<PlannedSet> {
  const { data, eval: evaluation } = config;
  const heldOutFraction = evaluation.select_on === 'val' ? evaluation.val_fraction : undefined;
  let assumed: string | undefined;
  if (!hasKnownSize(data, dataRoot)) {
    try {
      const datasets = await openDatasets(data, { dataRoot, heldOutFraction });
      const [train, heldOut, test] = [datasets.train.length, datasets.val?.length ?? 0, datasets.test.length];
      const { imageShape } = datasets.train;
      return { imageShape, counts: datasets.counts, sizes: { train, heldOut, test }, data: datasets.root };
    } catch (error) {
      if (!(error instanceof GalaError)) throw error;
      assumed = error.message;
    }
  }
  const { imageShape, counts, testImages } = setShape(data);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const heldOut = Math.round(all * (heldOutFraction ?? 0));
  const sizes = { train: all - heldOut, heldOut, test: testImages };
  return { imageShape, counts, sizes, ...(assumed !== undefined && { assumed }) };
}

/** Configs with equal keys have sets of equal sizes: another seed draws as many images. */
export function setKey({ data: { subset_seed: _, ...data }, eval: { select_on, val_fraction } }: Config): string {
  return JSON.stringify([data, select_on === 'val' ? val_fraction : 0]);
}

/** Configs with equal keys leave equally many bytes on one set: numbers in the options of a loss change no shape. */
export function diskKey({ model, freeze, loss, train, distill, eval: { select_on } }: StageConfig): string {
  const { epochs, batch_size, accumulate, mixup_alpha, ema_decay } = train;
  const choices = Object.values(loss).filter(option => typeof option !== 'number');
  const training = [epochs, batch_size, accumulate, mixup_alpha > 0, ema_decay > 0, teachersOf(distill)];
  return JSON.stringify([model, freeze, choices, training, select_on]);
}

/** True for published and bundled sets, unless a list or folder takes their place. */
function hasKnownSize({ dataset, root, train_list, val_list, test_list }: Config['data'], dataRoot?: string): boolean {
  if ([train_list, val_list, test_list].some(list => list !== undefined)) return false;
  if (bundledSet(dataset)) return (dataRoot ?? root) === undefined;
  return ownSet(dataset) === undefined;
}

/**
 * Runs `gala bench train` and `gala bench infer` for a config, one after the other, each in a process of its own.
 * Training reads the images in the folder `data`, or random ones. Throws `EngineError` with the error of the process.
 */
export async function measureSpeed({ config, yaml }: LoadedConfig, data?: string): Promise<Speed> {
  const folder = mkdtempSync(join(tmpdir(), 'gala-estimate-'));
  const file = join(folder, 'config.yaml');
  try {
    writeFileSync(file, yaml);
    const images = data === undefined ? [] : ['--data', data];
    const train = await bench<TrainBenchmark>('train', file, config.name, images);
    const infer = await bench<InferBenchmark>('infer', file, config.name);
    // Evaluation reads its images as training does.
    const reading = data === undefined ? 0 : Math.max(0, 1 / train.end_to_end_img_s - 1 / train.train_img_s);
    return { train: train.end_to_end_img_s, evaluate: 1 / (1 / infer.infer_img_s + reading) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Configs with equal keys run at about the same speed: no other key changes a shape or many operations. */
export function speedKey({ data, model, train, distill, freeze, eval: evaluation, ...config }: Config): string {
  const { dataset, root, train_list, image_size, short_side, augment, workers } = data;
  const { batch_size, accumulate, mixup_alpha, ema_decay, steps_per_call } = train;
  const { engine, device, devices, precision, threads } = config;
  return JSON.stringify([
    [dataset, root, train_list, image_size, short_side, augment, workers],
    [model, freeze, batch_size, accumulate, mixup_alpha > 0, ema_decay > 0, teachersOf(distill)],
    [steps_per_call, evaluation.batch_size],
    [engine, device, devices, precision, threads],
  ]);
}

function teachersOf({ teacher, seeds }: Config['distill']): number {
  return teacher === undefined ? 0 : seeds.length;
}

/** Seconds of training and evaluation of one run, without its start. */
export function secondsOf({ train, eval: evaluation }: Config, sizes: SetSizes, speed: Speed): number {
  const { heldOut, test } = sizes;
  const steps = Math.floor(sizes.train / train.batch_size);
  const evaluations = Array.from({ length: train.epochs }, (_, i) => i + 1).filter(epoch =>
    isEvaluated(epoch, train.epochs, evaluation),
  ).length;
  const kept = evaluation.select_on === 'last' ? 1 : 2;
  const evaluated = evaluations * (test + heldOut) + kept * test;
  return (train.epochs * steps * train.batch_size) / speed.train + evaluated / speed.evaluate;
}

/** About how many bytes of text a run writes: in run.json, tables and headers; per class; per epoch in its logs. */
const textBytes = { run: 10_000, class: 50, epoch: 550 };

/**
 * Bytes that one run leaves: its checkpoints, and its results (logits, predictions, gradients). Throws `ConfigError`
 * where the set has less than one batch.
 */
export function bytesOf(
  config: StageConfig,
  { imageShape, counts, sizes }: PlannedSet,
): { checkpoints: number; results: number } {
  wholeBatches(config, sizes.train);
  const state = tensorBytes(initialStateOf(config, imageShape.channels, counts));
  const classes = counts.length;
  const kept = config.eval.select_on === 'last' ? 1 : 2;
  const predictionBytes = 16;
  const perImage = kept * (4 * classes + 8) + predictionBytes;
  const gradientDigits = 9;
  const results =
    textBytes.run +
    textBytes.class * classes +
    sizes.test * perImage +
    config.train.epochs * (textBytes.epoch + 2 * classes * gradientDigits);
  return { checkpoints: (config.eval.select_on === 'last' ? 2 : 3) * state, results };
}

async function bench<T>(
  what: 'train' | 'infer',
  file: string,
  name: string,
  further: readonly string[] = [],
): Promise<T> {
  const [program, ...args] = galaCommand('bench', what, '--config', file, '--steps', '20', '--warmup', '5', ...further);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      text[stream] += part;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return JSON.parse(text.stdout) as T;
  const said = (label: string) => new RegExp(`^${label}: +(.*)$`, 'm').exec(text.stderr)?.[1];
  throw new EngineError(`The speed could not be measured: ${said('error') ?? text.stderr.trim().split('\n')[0]}`, {
    where: `gala bench ${what} --config ${name}`,
    next: `${(said('next') ?? 'Correct this first').replace(/\.$/, '')}; or plan without a measurement: --no-estimate.`,
  });
}
