/** Measures how fast a config trains and infers on this machine. */
import type { Config } from '../config/schema.js';
import type { Augmentation } from '../data/augment/augmentation.js';
import { openDatasets } from '../data/index.js';
import { compile, engineSettings } from '../engine/index.js';
import type { EngineInfo } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';
import { type Calls, openCalls } from '../train/calls.js';
import { compileForEvaluation, type Experiment, experimentOn, scalar } from '../train/experiment.js';
import { syntheticAugment, syntheticDatasets } from './syntheticData.js';

export interface BenchOptions {
  /** Number of timed steps, after `warmup` steps that are not timed. */
  readonly steps: number;
  readonly warmup: number;
  /** Folder of the training images; by default images are random. */
  readonly data?: string | undefined;
}

export interface TrainBenchmark extends EngineInfo {
  readonly batch: number;
  /** The augmentations that were applied. */
  readonly augment: readonly Augmentation[];
  readonly steps_per_call: number;
  /** Milliseconds per step: median over calls with the same batches, which are on the device already. */
  readonly train_ms: number;
  readonly train_img_s: number;
  /** Training images per second with batches from the pipeline, without evaluation and checkpoints. */
  readonly end_to_end_img_s: number;
  readonly end_to_end_share: number;
  /** Resident memory after the warm-up, and after the last step below. */
  readonly rss_mb_start: number;
  readonly rss_mb_end: number;
}

export interface InferBenchmark extends EngineInfo {
  readonly batch: number;
  readonly infer_ms: number;
  readonly infer_img_s: number;
}

/**
 * Measures the training step with fixed batches, and with batches from the data pipeline. Throws as `experimentOn` and
 * `compile`.
 */
export async function benchTraining(config: Config, { steps, warmup, data }: BenchOptions): Promise<TrainBenchmark> {
  const augment = data === undefined ? syntheticAugment(config.data.augment) : config.data.augment;
  const datasets =
    data === undefined ? syntheticDatasets(config.data) : await openDatasets(config.data, { dataRoot: data });
  const opened = experimentOn(datasets, { ...config, data: { ...config.data, augment } });
  // Training on noise diverges: a small learning rate keeps the numbers finite
  const learning_rate = scalar(opened.learningRate(1) / 100);
  const experiment: Experiment = {
    ...opened,
    stepInputs: (...at) => opened.stepInputs(...at).map(inputs => ({ ...inputs, learning_rate })),
  };
  const executable = await compile(
    { state: experiment.initialState(), programs: experiment.programs },
    await engineSettings(config),
  );
  const calls = await openCalls(experiment, executable, { epoch: 1, step: 0 }, Number.MAX_SAFE_INTEGER);
  try {
    const fixed = (await calls.next())!;
    const timesOfCalls = (count: number) => timesOf(Math.ceil(count / fixed.steps), () => fixed.staged.run());
    await timesOfCalls(warmup);
    const rss_mb_start = residentMegabytes();
    const train_ms = median(await timesOfCalls(steps)) / fixed.steps;
    const end_to_end_ms = await pipelinedStepMilliseconds(calls, steps);
    const batch = config.train.batch_size;
    return {
      ...executable.info,
      batch,
      augment,
      steps_per_call: fixed.steps,
      train_ms: round(train_ms),
      train_img_s: round((1000 * batch) / train_ms),
      end_to_end_img_s: round((1000 * batch) / end_to_end_ms),
      end_to_end_share: round(train_ms / end_to_end_ms),
      rss_mb_start,
      rss_mb_end: residentMegabytes(),
    };
  } finally {
    await calls.close();
    executable.dispose();
  }
}

/** Measures the forward pass, with running statistics, on batches of `train.batch_size` random images. */
export async function benchInference(config: Config, { steps, warmup }: BenchOptions): Promise<InferBenchmark> {
  const batch = config.train.batch_size;
  const experiment = experimentOn(syntheticDatasets(config.data), config, batch);
  const { precision } = await engineSettings(config);
  const executable = await compileForEvaluation(experiment, experiment.initialState(), precision);
  try {
    const { height, width, channels } = experiment.datasets.train.imageShape;
    const data = new Uint8Array(batch * height * width * channels).map((_, i) => i * 7);
    const inputs: HostTensors = { images: { dtype: 'uint8', shape: [batch, height, width, channels], data } };
    await timesOf(warmup, () => executable.run('eval', inputs));
    const infer_ms = median(await timesOf(steps, () => executable.run('eval', inputs)));
    return { ...executable.info, batch, infer_ms: round(infer_ms), infer_img_s: round((1000 * batch) / infer_ms) };
  } finally {
    executable.dispose();
  }
}

/** Mean time of a step, over at least `steps` steps with batches from the pipeline. */
async function pipelinedStepMilliseconds(calls: Calls, steps: number): Promise<number> {
  const started = performance.now();
  let done = 0;
  while (done < steps) {
    const call = (await calls.next())!;
    await call.staged.run().finally(call.staged.dispose);
    done += call.steps;
  }
  return (performance.now() - started) / done;
}

async function timesOf(count: number, action: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await action();
    times.push(performance.now() - started);
  }
  return times;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function residentMegabytes(): number {
  return Math.round(process.memoryUsage().rss / 1e6);
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}
