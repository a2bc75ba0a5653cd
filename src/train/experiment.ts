/** From a config to everything that a run needs: datasets, network, loss, optimizer, and the programs to compile. */
import type { Config, StageConfig } from '../config/schema.js';
import type { ImageShape } from '../data/dataset.js';
import { type OpenedDatasets, type OpenOptions, openDatasets } from '../data/index.js';
import { createSampler, type Sampler } from '../data/sampler.js';
import { requireWholeBatch } from '../data/trainingSet.js';
import { compile, engineSettings } from '../engine/index.js';
import type { Executable, Precision, Program } from '../engine/program.js';
import { createBackbone, createHead } from '../models/index.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { learningRateAt, scaledRates, warmupEpochs } from '../optim/schedule.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { type Learning, learningOf } from './learning.js';
import { mixupInputs } from './mixup.js';
import { evalProgram, featuresProgram, headProgram, type Network } from './network.js';
import { initialState } from './state.js';
import { classifierProgram, trainProgram } from './step.js';

type Programs<Name extends string> = Readonly<Record<Name, Program>>;

export interface Experiment {
  readonly config: Config;
  readonly datasets: OpenedDatasets;
  readonly stepsPerEpoch: number;
  /** Images per run of the program `eval`. */
  readonly evaluationBatch: number;
  /** Indices of the training images of `epoch` (1-based), in the order in which it visits them. */
  readonly order: Sampler;
  /** Learning rate of `epoch` (1-based). */
  learningRate(epoch: number): number;
  /** Micro-batches per step; each is one run of the program `train`. */
  readonly accumulate: number;
  /**
   * Inputs of the program `train` beside images and labels, for each micro-batch of `step` (from 0) of `epoch` (from
   * 1).
   */
  stepInputs(epoch: number, step: number): HostTensors[];
  /** The state at step 0. Programs are compiled for a state with its entries in this order; see `state.ts`. */
  initialState(): HostTensors;
  /** Length of the feature vector of an image. */
  readonly featureSize: number;
  readonly programs: Programs<'train' | 'eval'>;
  /** The same programs on features instead of images, and `features`, which computes them; see `fixedFeatures.ts`. */
  readonly programsOnFeatures: Programs<'train' | 'eval' | 'features'>;
}

/**
 * Opens the data, checked as `check` asks, and builds the network of a config. Throws `DataError`, `ConfigError`,
 * `CheckStopped`.
 */
export async function openExperiment(
  config: Config,
  dataRoot?: string,
  check: Pick<OpenOptions, 'check' | 'watcher' | 'batchSize'> = {},
): Promise<Experiment> {
  const heldOutFraction = config.eval.select_on === 'val' ? config.eval.val_fraction : undefined;
  return experimentOn(await openDatasets(config.data, { dataRoot, heldOutFraction, ...check }), config);
}

/**
 * The experiment of a config on opened datasets, evaluated in batches of `evaluatedAtOnce`. Throws `ConfigError` when
 * the config trains and the training images do not fill one batch.
 */
export function experimentOn(
  datasets: OpenedDatasets,
  config: Config,
  evaluatedAtOnce = evaluationBatch(config, datasets.train.imageShape, largestEvaluated(datasets)),
): Experiment {
  const stepsPerEpoch = wholeBatches(config, datasets.train.length);
  const learningRate = learningRates(config, stepsPerEpoch);
  const network = networkOf(datasets, config);
  const learning = learningOf(config);
  const { batch_size } = config.train;
  return {
    config,
    datasets,
    stepsPerEpoch,
    evaluationBatch: evaluatedAtOnce,
    order: createSampler(config.data.sampler, datasets.train, config.seed),
    learningRate,
    accumulate: learning.accumulate,
    stepInputs: stepInputsOf(config, learning, { learningRate, stepsPerEpoch }),
    initialState: () => initialState(network, learning, datasets.counts, config.seed, batch_size),
    featureSize: network.backbone.featureSize,
    programs: {
      train: trainProgram(network, learning, batch_size),
      eval: evalProgram(network, evaluatedAtOnce),
    },
    programsOnFeatures: {
      train: classifierProgram(network, learning, batch_size),
      eval: headProgram(network, evaluatedAtOnce),
      features: featuresProgram(network, evaluatedAtOnce),
    },
  };
}

/**
 * Compiles the program `eval` alone, for the network that evaluates `state`; in float32 by default, in which all
 * reported accuracies are computed. Throws `EngineError`.
 */
export async function compileForEvaluation(
  { programs, config }: Pick<Experiment, 'programs' | 'config'>,
  state: HostTensors,
  precision: Precision = 'fp32',
): Promise<Executable> {
  const settings = await engineSettings(config);
  return compile({ state: evaluatedModel(state), programs: { eval: programs.eval } }, { ...settings, precision });
}

export function scalar(value: number): HostTensor {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

/** Steps per epoch of `images`. Throws `ConfigError` when the config trains and they do not fill one batch. */
export function wholeBatches({ train: { batch_size, epochs } }: Config, images: number): number {
  if (epochs > 0) requireWholeBatch(images, batch_size);
  return Math.floor(images / batch_size);
}

/**
 * Pixels of one forward pass. Its largest activations take about 256 bytes per pixel of the input, both in the ResNets
 * for small images (16 channels at full size) and in those for large images (64 at half, 256 at a quarter): 1.3 GB for
 * 100 images of 224 × 224.
 */
const mostPixels = 100 * 224 * 224;

/**
 * Images per forward pass of an evaluation: `eval.batch_size`, or fewer if the largest evaluated split has only
 * `images`, or if the images are large. A multiple of `devices` stays a multiple. The logits of an image do not depend
 * on it, except for rounding.
 */
export function evaluationBatch(
  { eval: { batch_size }, devices }: Pick<StageConfig, 'eval' | 'devices'>,
  { height, width }: Pick<ImageShape, 'height' | 'width'>,
  images: number,
): number {
  const most = Math.max(1, Math.min(images, Math.floor(mostPixels / (height * width))));
  if (most >= batch_size) return batch_size;
  return batch_size % devices === 0 ? devices * Math.ceil(most / devices) : most;
}

function largestEvaluated({ test, val }: OpenedDatasets): number {
  return Math.max(test.length, val?.length ?? 0);
}

/** The state of a config at step 0, for images of `channels` channels and `counts` training images per class. */
export function initialStateOf(config: Config, channels: number, counts: Int32Array): HostTensors {
  const model = modelOf(config, channels, counts.length);
  return initialState(model, learningOf(config), counts, config.seed, config.train.batch_size);
}

function networkOf({ train, mean, std }: OpenedDatasets, config: Config): Network {
  const { height, width, channels } = train.imageShape;
  return { ...modelOf(config, channels, train.classNames.length), imageShape: [height, width, channels], mean, std };
}

function modelOf({ model }: Config, channels: number, classes: number): Pick<Network, 'backbone' | 'head'> {
  const backbone = createBackbone(model, channels);
  return { backbone, head: createHead(model, backbone.featureSize, classes) };
}

function learningRates({ optim, train }: Config, stepsPerEpoch: number): Experiment['learningRate'] {
  const warmup = warmupEpochs(optim, stepsPerEpoch);
  const rates = scaledRates(optim, train.batch_size);
  return epoch => learningRateAt(epoch, train.epochs, warmup, rates);
}

function stepInputsOf(
  { seed, train }: Config,
  { loss, optimizer, accumulate = 1 }: Learning,
  { learningRate, stepsPerEpoch }: Pick<Experiment, 'learningRate' | 'stepsPerEpoch'>,
): Experiment['stepInputs'] {
  const { batch_size, epochs, mixup_alpha } = train;
  const microBatches = [accumulate, batch_size / accumulate] as const;
  return (epoch, step) => {
    const factors = optimizer.factorsAt?.((epoch - 1) * stepsPerEpoch + step + 1) ?? {};
    const ofStep = {
      learning_rate: scalar(learningRate(epoch)),
      ...Object.fromEntries(Object.entries(factors).map(([name, value]) => [name, scalar(value)])),
      ...(loss.usesProgress && { progress: scalar((epoch - 1) / epochs) }),
    };
    const mixing = mixup_alpha > 0 ? mixupInputs(mixup_alpha, microBatches, seed, epoch, step) : undefined;
    return Array.from({ length: accumulate }, (_, micro) => ({
      ...ofStep,
      ...mixing?.[micro],
      ...(accumulate > 1 && { last: isLast(micro === accumulate - 1) }),
    }));
  };
}

function isLast(last: boolean): HostTensor {
  return { dtype: 'int32', shape: [], data: Int32Array.of(Number(last)) };
}
