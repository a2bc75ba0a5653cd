/** What a sweep will cost: hours by `gala bench` on this machine, bytes from the size of the networks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { datasetSizes, syntheticDatasets } from '../bench/syntheticData.js';
import type { InferBenchmark, TrainBenchmark } from '../bench/training.js';
import type { LoadedConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { EngineError } from '../errors.js';
import { experimentOn } from '../train/experiment.js';
import { isEvaluated } from '../train/trainer.js';
import { galaCommand } from './command.js';

/** Images per second of training, batches from the pipeline, and of evaluation. */
export interface Speed {
  readonly train: number;
  readonly evaluate: number;
}

/**
 * Runs `gala bench train` and `gala bench infer` for a config, one after the other, in processes of their own. Throws
 * `EngineError` with what they say when they fail.
 */
export async function measureSpeed({ config, yaml }: LoadedConfig): Promise<Speed> {
  const folder = mkdtempSync(join(tmpdir(), 'gala-estimate-'));
  const file = join(folder, 'config.yaml');
  try {
    writeFileSync(file, yaml);
    const train = await bench<TrainBenchmark>('train', file, config.name);
    const infer = await bench<InferBenchmark>('infer', file, config.name);
    return { train: train.end_to_end_img_s, evaluate: infer.infer_img_s };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Configs of equal keys run at the same speed: what is left out changes no shape and no number of operations worth a measurement. */
export function speedKey({ data, model, train, freeze, eval: evaluation, ...config }: Config): string {
  const { dataset, image_size, short_side, augment, workers } = data;
  const { batch_size, accumulate, mixup_alpha, ema_decay, steps_per_call } = train;
  const { engine, device, devices, precision, threads } = config;
  return JSON.stringify([
    [dataset, image_size, short_side, augment, workers],
    [model, freeze, batch_size, accumulate, mixup_alpha > 0, ema_decay > 0, steps_per_call, evaluation.batch_size],
    [engine, device, devices, precision, threads],
  ]);
}

/** Seconds of training and evaluation of one run; starting and loading are not in it. */
export function secondsOf({ data, train, eval: evaluation }: Config, speed: Speed): number {
  const { train: images, test } = datasetSizes(data);
  const heldOut = evaluation.select_on === 'val' ? Math.round(images * evaluation.val_fraction) : 0;
  const steps = Math.floor((images - heldOut) / train.batch_size);
  const evaluations = Array.from({ length: train.epochs }, (_, i) => i + 1).filter(epoch =>
    isEvaluated(epoch, train.epochs, evaluation),
  ).length;
  const kept = evaluation.select_on === 'last' ? 1 : 2;
  const evaluated = evaluations * (test + heldOut) + kept * test;
  return (train.epochs * steps * train.batch_size) / speed.train + evaluated / speed.evaluate;
}

/** Bytes that one run leaves: its checkpoints, and stored logits and predictions. */
export function bytesOf(config: Config): { checkpoints: number; results: number } {
  const experiment = experimentOn(syntheticDatasets(config.data), config);
  const state = Object.values(experiment.initialState()).reduce((sum, { data }) => sum + data.byteLength, 0);
  const classes = experiment.datasets.train.classNames.length;
  const { test } = datasetSizes(config.data);
  const kept = config.eval.select_on === 'last' ? 1 : 2;
  const perImage = kept * (4 * classes + 8) + 16;
  const gradientDigits = 9;
  const results = test * perImage + config.train.epochs * 2 * classes * gradientDigits;
  return { checkpoints: (config.eval.select_on === 'last' ? 2 : 3) * state, results };
}

async function bench<T>(what: 'train' | 'infer', file: string, name: string): Promise<T> {
  const [program, ...args] = galaCommand('bench', what, '--config', file, '--steps', '20', '--warmup', '5');
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      text[stream] += part;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return JSON.parse(text.stdout) as T;
  throw new EngineError(`The speed could not be measured: ${text.stderr.trim().split('\n')[0]}`, {
    where: `gala bench ${what} --config ${name}`,
    next: 'If the runs would fail at the same, correct that first. --no-estimate plans without it.',
  });
}
