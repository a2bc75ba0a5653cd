/** From a config to everything a run needs: datasets, network, loss, optimiser, and the compiled programs. */
import type { Config } from '../config/schema.js';
import { type OpenedDatasets, type OpenOptions, openDatasets } from '../data/index.js';
import { createSampler, type Sampler } from '../data/sampler.js';
import { compile, type EngineSettings, engineSettings } from '../engine/index.js';
import type { Executable, Program } from '../engine/program.js';
import { ConfigError, StorageError } from '../errors.js';
import { createLoss } from '../losses/index.js';
import { createBackbone, createHead, logitScale } from '../models/index.js';
import { learningRateAt, scaledRates, warmupEpochs } from '../optim/schedule.js';
import { sgd } from '../optim/sgd.js';
import type { HostTensor, HostTensors } from '../tensor.js';
import { hasFixedFeatures } from './fixedFeatures.js';
import { mixupInputs } from './mixup.js';
import { evalProgram, featuresProgram, headProgram, type Network } from './network.js';
import { initialState, type Learning } from './state.js';
import { classifierProgram, trainProgram } from './step.js';
import { evaluatedModel } from './weightAverage.js';

export type Programs = Readonly<Record<string, Program>>;

export interface Experiment {
  readonly config: Config;
  readonly datasets: OpenedDatasets;
  readonly stepsPerEpoch: number;
  /** Indices of the training images that `epoch` (1-based) visits, in order. */
  readonly order: Sampler;
  /** Learning rate per step in `epoch` (1-based). */
  learningRate(epoch: number): number;
  /** Micro-batches of a step, each of which is a run of the program `train`. */
  readonly accumulate: number;
  /** What the program `train` takes besides images and labels, for each micro-batch of a step (from 0) of `epoch` (from 1). */
  stepInputs(epoch: number, step: number): HostTensors[];
  /** State at step 0. */
  initialState(): HostTensors;
  /** Length of the backbone's features. */
  readonly featureSize: number;
  /** Engine, device, precision and threads, decided for this machine. Rejects with `EngineError`. */
  settings(): Promise<EngineSettings>;
  /** `train` and `eval`. */
  readonly programs: Programs;
  /** The same on features in the place of images, beside `features`, which makes them (fixedFeatures.ts). */
  readonly programsOnFeatures: Programs;
  /** Compiles `programs` on the given state. */
  compile(state: HostTensors): Promise<Executable>;
  /** Compiles `programsOnFeatures`. */
  compileOnFeatures(state: HostTensors): Promise<Executable>;
  /** Compiles the program `eval` alone; entries of `state` that only training needs are left out. */
  compileForEvaluation(state: HostTensors): Promise<Executable>;
}

/** Opens the data, checked as `check` asks, and builds the network of a config. Throws `DataError`, `ConfigError`, `CheckStopped`. */
export async function openExperiment(
  config: Config,
  dataRoot?: string,
  check: Pick<OpenOptions, 'check' | 'watcher'> = {},
): Promise<Experiment> {
  const heldOutFraction = config.eval.select_on === 'val' ? config.eval.val_fraction : undefined;
  return experimentOn(await openDatasets(config.data, { dataRoot, heldOutFraction, ...check }), config);
}

/** The experiment of a config on opened datasets. Throws `ConfigError` when it trains and they give no whole batch. */
export function experimentOn(datasets: OpenedDatasets, config: Config): Experiment {
  const { train, counts } = datasets;
  const { height, width, channels } = train.imageShape;
  const batchSize = config.train.batch_size;
  const stepsPerEpoch = Math.floor(train.length / batchSize);
  if (stepsPerEpoch === 0 && config.train.epochs > 0) {
    throw new ConfigError(`A batch of ${batchSize} images is larger than the training set of ${train.length}.`, {
      where: 'train.batch_size',
      next: `Set train.batch_size to ${train.length} or less.`,
    });
  }

  const backbone = createBackbone(config.model, channels);
  const network: Network = {
    backbone,
    head: createHead(config.model, backbone.featureSize, train.classNames.length),
    imageShape: [height, width, channels],
    mean: datasets.mean,
    std: datasets.std,
  };
  const loss = createLoss(config.loss, logitScale(config.model));
  const { mixup_alpha, ema_decay } = config.train;
  // A step of the classifier alone, on features that are there, fits into any memory
  const accumulate = hasFixedFeatures(config) ? 1 : config.train.accumulate;
  const learning: Learning = {
    loss,
    optimizer: sgd(config.optim),
    mixup: mixup_alpha > 0,
    freeze: config.freeze,
    accumulate,
    emaDecay: ema_decay,
  };
  const warmup = warmupEpochs(config.optim, stepsPerEpoch);
  let decided: Promise<EngineSettings> | undefined;
  const settings = () => {
    decided ??= engineSettings(config);
    return decided;
  };
  const evaluation = evalProgram(network, config.eval.batch_size);
  const programs = { train: trainProgram(network, learning, batchSize), eval: evaluation };
  const programsOnFeatures = {
    train: classifierProgram(network, learning, batchSize),
    eval: headProgram(network, config.eval.batch_size),
    features: featuresProgram(network, config.eval.batch_size),
  };
  let order: string[] | undefined;
  const initial = () => {
    const state = initialState(network, learning, counts, config.seed, batchSize);
    order ??= Object.keys(state);
    return state;
  };

  const compileOn = async (state: HostTensors, compiled: Programs) =>
    compile({ state: inOrderOf(order ?? Object.keys(initial()), state), programs: compiled }, await settings());

  const rates = scaledRates(config.optim, batchSize);
  const learningRate = (epoch: number) => learningRateAt(epoch, config.train.epochs, warmup, rates);

  return {
    config,
    datasets,
    stepsPerEpoch,
    order: createSampler(config.data.sampler, train, config.seed),
    learningRate,
    accumulate,
    stepInputs: (epoch, step) => {
      const ofStep = {
        learning_rate: scalar(learningRate(epoch)),
        ...(loss.usesProgress && { progress: scalar((epoch - 1) / config.train.epochs) }),
      };
      const rows = batchSize / accumulate;
      const mixing =
        mixup_alpha > 0 ? mixupInputs(mixup_alpha, [accumulate, rows], config.seed, epoch, step) : undefined;
      return Array.from({ length: accumulate }, (_, micro) => ({
        ...ofStep,
        ...mixing?.[micro],
        ...(accumulate > 1 && {
          last: { dtype: 'int32', shape: [], data: Int32Array.of(Number(micro === accumulate - 1)) },
        }),
      }));
    },
    initialState: initial,
    featureSize: backbone.featureSize,
    settings,
    programs,
    programsOnFeatures,
    compile: async state => compileOn(state, programs),
    compileOnFeatures: async state => compileOn(state, programsOnFeatures),
    compileForEvaluation: async state => {
      return compile({ state: evaluatedModel(state), programs: { eval: evaluation } }, await settings());
    },
  };
}

export function scalar(value: number): HostTensor {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

/**
 * The order of the state's entries becomes the order of the graph's operations, which decides how sums are rounded. A
 * checkpoint sorts its entries by name: taken as they come, a resumed run would drift away from an unbroken one.
 */
function inOrderOf(names: readonly string[], state: HostTensors): HostTensors {
  const known = new Set(names);
  const missing = names.find(name => !(name in state));
  const unknown = Object.keys(state).find(name => !known.has(name));
  if (missing === undefined && unknown === undefined)
    return Object.fromEntries(names.map(name => [name, state[name]!]));
  throw new StorageError('The checkpoint is not one of this experiment.', {
    where: missing === undefined ? `it has ${unknown}, the network has not` : `it lacks ${missing}`,
    next: 'It was changed, or written by another version of gala; start a new run without --resume.',
  });
}
