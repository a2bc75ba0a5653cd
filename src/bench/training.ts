/** How fast a config trains and infers on this machine. */
import type { Config } from '../config/schema.js';
import { type Batch, openPipeline } from '../data/pipeline.js';
import { shuffledOrder } from '../data/sampler.js';
import type { EngineInfo, Executable, HostTensors } from '../engine/program.js';
import { type Experiment, experimentOn } from '../train/experiment.js';
import { syntheticDatasets } from './syntheticData.js';

export interface BenchOptions {
  /** Timed steps, after `warmup` others. */
  readonly steps: number;
  readonly warmup: number;
}

export interface TrainBenchmark extends EngineInfo {
  readonly batch: number;
  /** Median milliseconds of one step on one fixed batch. */
  readonly train_ms: number;
  readonly train_img_s: number;
  /** Training images per second with the batches coming from the pipeline: the whole loop but evaluation and checkpoints. */
  readonly end_to_end_img_s: number;
  readonly end_to_end_share: number;
  /** Resident memory after the warm-up and after the last step. */
  readonly rss_mb_start: number;
  readonly rss_mb_end: number;
}

export interface InferBenchmark extends EngineInfo {
  readonly batch: number;
  readonly infer_ms: number;
  readonly infer_img_s: number;
}

/** Times the train step alone and fed by the data pipeline, on random images in the shape of the config's dataset. */
export async function benchTraining(config: Config, { steps, warmup }: BenchOptions): Promise<TrainBenchmark> {
  const experiment = experimentOn(syntheticDatasets(config.data), config);
  const executable = await experiment.compile(experiment.initialState());
  const batchSize = config.train.batch_size;
  const { datasets } = experiment;
  const pipeline = openPipeline({
    dataset: datasets.train,
    augment: config.data.augment,
    seed: 0,
    batchSize,
    workers: config.data.workers,
  });
  try {
    const order = shuffledOrder(datasets.train.length, 0, 1);
    const { value: first } = await pipeline.epoch(1, order).next();
    const fixed = trainInputs(experiment, { ...first!, images: first!.images.slice(), labels: first!.labels.slice() });
    await timesOf(warmup, () => executable.run('train', fixed));
    const rss_mb_start = residentMegabytes();
    const train_ms = median(await timesOf(steps, () => executable.run('train', fixed)));
    const end_to_end_ms = await pipelinedStepMilliseconds(experiment, executable, pipeline, steps);
    return {
      ...executable.info,
      batch: batchSize,
      train_ms: round(train_ms),
      train_img_s: round((1000 * batchSize) / train_ms),
      end_to_end_img_s: round((1000 * batchSize) / end_to_end_ms),
      end_to_end_share: round(train_ms / end_to_end_ms),
      rss_mb_start,
      rss_mb_end: residentMegabytes(),
    };
  } finally {
    await pipeline.close();
    executable.dispose();
  }
}

/** Times the forward pass with running statistics on batches of `train.batch_size` random images. */
export async function benchInference(config: Config, { steps, warmup }: BenchOptions): Promise<InferBenchmark> {
  const batch = config.train.batch_size;
  const experiment = experimentOn(syntheticDatasets(config.data), {
    ...config,
    eval: { ...config.eval, batch_size: batch },
  });
  const executable = await experiment.compileForEvaluation(experiment.initialState());
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

/** Mean time between batches, over as many epochs as `steps` takes. */
async function pipelinedStepMilliseconds(
  experiment: Experiment,
  executable: Executable,
  pipeline: ReturnType<typeof openPipeline>,
  steps: number,
): Promise<number> {
  const times: number[] = [];
  for (let epoch = 1; times.length < steps; epoch++) {
    const order = shuffledOrder(experiment.datasets.train.length, 0, epoch);
    let started = performance.now();
    for await (const batch of pipeline.epoch(epoch, order)) {
      await executable.run('train', trainInputs(experiment, batch));
      const now = performance.now();
      times.push(now - started);
      started = now;
      if (times.length === steps) break;
    }
  }
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

function trainInputs({ config, datasets, learningRate, stepInputs }: Experiment, batch: Batch): HostTensors {
  const { height, width, channels } = datasets.train.imageShape;
  const size = config.train.batch_size;
  return {
    images: { dtype: 'uint8', shape: [size, height, width, channels], data: batch.images },
    labels: { dtype: 'int32', shape: [size], data: batch.labels },
    ...stepInputs(1, 0),
    learning_rate: { dtype: 'float32', shape: [], data: Float32Array.of(learningRate(1) / 100) },
  };
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
