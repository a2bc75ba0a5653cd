/** From a config to everything a run needs: datasets, network, loss, optimiser, and the programs to compile. */
import type { Config } from '../config/schema.js';
import { type OpenedDatasets, type OpenOptions, openDatasets } from '../data/index.js';
import { createSampler, type Sampler } from '../data/sampler.js';
import { requireWholeBatch } from '../data/wholeBatch.js';
import { compile, engineSettings } from '../engine/index.js';
import type { Executable, Precision, Program } from '../engine/program.js';
import { createBackbone, createHead } from '../models/index.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { learningRateAt, scaledRates, warmupEpochs } from '../optim/schedule.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { evaluationBatch } from './evaluationBatch.js';
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
  /** Images per forward pass of the program `eval`. */
  readonly evaluationBatch: number;
  /** Indices of the training images that `epoch` (1-based) visits, in order. */
  readonly order: Sampler;
  /** Learning rate per step in `epoch` (1-based). */
  learningRate(epoch: number): number;
  /** Micro-batches of a step, each of which is a run of the program `train`. */
  readonly accumulate: number;
  /**
   * What the program `train` takes besides images and labels, for each micro-batch of a step (from 0) of `epoch` (from
   * 1).
   */
  stepInputs(epoch: number, step: number): HostTensors[];
  /** State at step 0. A state to compile the programs on has its entries in this order, see `state.ts`. */
  initialState(): HostTensors;
  /** Length of the backbone's features. */
  readonly featureSize: number;
  readonly programs: Programs<'train' | 'eval'>;
  /** The same on features in the place of images, beside `features`, which makes them (fixedFeatures.ts). */
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
 * it trains and they give no whole batch.
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
 * Compiles the program `eval` alone on this machine, for the model that a state is evaluated by: in float32 by default,
 * as every reported accuracy is computed. Throws `EngineError`.
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

/** Steps of an epoch of `images`. Throws `ConfigError` when a config trains and they give no whole batch. */
export function wholeBatches({ train: { batch_size, epochs } }: Config, images: number): number {
  if (epochs > 0) requireWholeBatch(images, batch_size);
  return Math.floor(images / batch_size);
}

function largestEvaluated({ test, val }: OpenedDatasets): number {
  return Math.max(test.length, val?.length ?? 0);
}

/** State at step 0 of a config on images of so many channels, `counts` of each class. */
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
