/**
 * The programs of a training run over one state: the train step and the logits of a batch; with a frozen backbone also its
 * features, and step and logits that begin at features.
 */
import * as tf from '@tensorflow/tfjs';
import type { Executable, HostTensors, Program, Specs, Tensors } from '../engine/program.js';
import type { Loss } from '../losses/loss.js';
import type { Backbone } from '../models/backbone.js';
import type { Head } from '../models/head.js';
import type { Optimizer } from '../optim/sgd.js';
import { accumulated, initialAccumulation, microSpecs, type Targets } from './accumulation.js';
import { gradientSums, initialGradientRecord, recordGradient } from './gradientRecord.js';
import { blend, mixingOf, mixRows, mixupSpecs } from './mixup.js';

export interface Network {
  readonly backbone: Backbone;
  readonly head: Head;
  /** `[height, width, channels]`. */
  readonly imageShape: readonly [number, number, number];
  /** Per channel, of images in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface Learning {
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Blend images and losses; the train step then takes the inputs of `mixupSpecs` too. */
  readonly mixup?: boolean;
  /** What is not trained; everything is when left out. */
  readonly freeze?: Freeze;
  /** Micro-batches of a step, 1 when left out; see `accumulation.ts`. */
  readonly accumulate?: number;
}

export interface Freeze {
  /** Only the head is trained, and has momenta. */
  readonly backbone: boolean;
  /** A frozen backbone runs as in evaluation: its running statistics normalise, and stay. */
  readonly batch_stats: boolean;
}

// Names of the state: parameters and statistics under `backbone.` and `classifier.` as in the reference code, `momentum.<parameter>`, `loss.<statistic>`, `gradient.<sum>`, `accumulated.<what>`.
const backbonePrefix = 'backbone.';
const headPrefix = 'classifier.';
const momentumPrefix = 'momentum.';
const lossPrefix = 'loss.';
const gradientPrefix = 'gradient.';
const accumulatedPrefix = 'accumulated.';

/** Everything a step of `batchSize` images reads and writes, at step 0: what a checkpoint must hold. */
export function initialState(
  network: Network,
  learning: Learning,
  classCounts: Int32Array,
  seed: number,
  batchSize = 0,
): HostTensors {
  const { parameters, statistics } = network.backbone.init(seed);
  const all = { ...withPrefix(backbonePrefix, parameters), ...withPrefix(headPrefix, network.head.init(seed)) };
  const trained = trainedOf(all, learning.freeze);
  const { accumulate = 1, mixup = false } = learning;
  return {
    ...all,
    ...withPrefix(backbonePrefix, statistics),
    ...withPrefix(momentumPrefix, learning.optimizer.init(trained)),
    ...withPrefix(lossPrefix, learning.loss.init(classCounts)),
    ...withPrefix(gradientPrefix, initialGradientRecord(classCounts.length)),
    ...(accumulate > 1 &&
      withPrefix(
        accumulatedPrefix,
        initialAccumulation(trained, { rows: batchSize - batchSize / accumulate, classes: classCounts.length, mixup }),
      )),
  };
}

/** True for state entries that belong to the model: what evaluation and export need. */
export function isModelEntry(name: string): boolean {
  return name.startsWith(backbonePrefix) || name.startsWith(headPrefix);
}

/** The sums of the gradient record, by name; nothing else of the state is read. */
export async function readGradientRecord(executable: Executable): Promise<HostTensors> {
  return withoutPrefix(gradientPrefix, await executable.readState(gradientSums.map(name => gradientPrefix + name)));
}

/**
 * One step of SGD on `images` uint8 `[B, H, W, channels]` and `labels` int32 `[B]` at `learning_rate` [], for a loss with a
 * schedule also at `progress` []: output `loss` [], the batch mean before the update. With mixup, statistics of the loss and
 * the gradient record are blended like the loss: they are sums over samples, of which each counts λ for its own class. With
 * `accumulate` the program takes one micro-batch of B / accumulate images at a time; see `accumulation.ts`.
 */
export function trainProgram(network: Network, learning: Learning, batchSize: number): Program {
  return stepFrom('images', network, learning, batchSize, learning.accumulate ?? 1);
}

/** The same step on `features` `[B, featureSize]` of a backbone that is frozen with its statistics. */
export function classifierProgram(network: Network, learning: Learning, batchSize: number): Program {
  return stepFrom('features', network, learning, batchSize, 1);
}

function stepFrom(
  from: 'images' | 'features',
  network: Network,
  learning: Learning,
  batchSize: number,
  accumulate: number,
): Program {
  const { loss, optimizer, mixup, freeze } = learning;
  const rows = batchSize / accumulate;
  return {
    inputs: {
      ...(from === 'images' ? imageSpec(network, rows) : featureSpec(network, rows)),
      labels: { dtype: 'int32', shape: [rows] },
      learning_rate: { dtype: 'float32', shape: [] },
      ...(loss.usesProgress && { progress: { dtype: 'float32', shape: [] } as const }),
      ...(mixup && mixupSpecs(rows)),
      ...(accumulate > 1 && microSpecs),
    },
    apply: (state, inputs) => {
      const { parameters, statistics } = splitModel(state);
      const trained = trainedOf(parameters, freeze);
      const names = Object.keys(trained);
      const mixing = mixup ? mixingOf(inputs) : undefined;
      const forward = (weights: Tensors): Forward => {
        if (from === 'features') return { features: inputs.features as tf.Tensor2D, statistics: {} };
        const unmixed = normalized(inputs.images as tf.Tensor4D, network);
        const images = mixing ? mixRows(unmixed, mixing) : unmixed;
        return featuresOf(network, weights, statistics, images, !freeze?.batch_stats);
      };
      // A frozen backbone is a constant of the gradient.
      const fixed = freeze?.backbone ? forward(parameters) : undefined;
      const labels = inputs.labels as tf.Tensor1D;
      const targets: Targets = mixing ? [labels, tf.gather(labels, mixing.index)] : [labels];
      /** What `of` makes of the labels; with mixup, blended with what it makes of the partners' labels. */
      const forTargets = ([own, partners]: Targets, of: (labels: tf.Tensor1D) => Tensors): Tensors => {
        if (!mixing) return of(own);
        const [ofOwn, ofPartners] = [of(own), of(partners!)];
        return Object.fromEntries(
          Object.entries(ofOwn).map(([name, value]) => [name, blend(value, ofPartners[name]!, mixing.lambda)]),
        );
      };
      const before = withoutPrefix(lossPrefix, state);
      const record = withoutPrefix(gradientPrefix, state);
      let lossState: Tensors = {};
      const lossOfLogits = (logits: tf.Tensor2D, among: Targets): tf.Scalar => {
        const { mean, ...statisticsOfLoss } = forTargets(among, target => {
          const result = loss.apply(logits, target, before, inputs.progress as tf.Scalar);
          return { ...result.state, mean: result.loss };
        });
        lossState = kept(statisticsOfLoss);
        return mean as tf.Scalar;
      };
      // Zeros added to the logits: their gradient is that of the logits, whatever the loss.
      const probe = tf.zeros([rows, record.positive!.shape[0]!]);
      let updatedStatistics: Tensors = {};
      let logits: tf.Tensor2D | undefined;
      const lossOf = (added: tf.Tensor, ...values: tf.Tensor[]) => {
        const current = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const { features, statistics: moved } = fixed ?? forward(current);
        updatedStatistics = kept(moved);
        logits = tf.add(network.head.apply(withoutPrefix(headPrefix, current), features), added) as tf.Tensor2D;
        tf.keep(logits);
        return lossOfLogits(logits, targets);
      };
      const { value, grads } = tf.valueAndGrads(lossOf)([probe, ...Object.values(trained)]);
      const [ofLogits, ...ofParameters] = grads;
      const gradients = Object.fromEntries(names.map((name, i) => [name, ofParameters[i]!]));
      /** All that a step changes but batch statistics. */
      const stepBy = (mean: Tensors, gradientOfLogits: tf.Tensor2D, among: Targets): Tensors => {
        const momenta = withoutPrefix(momentumPrefix, state);
        const updated = optimizer.update(mean, momenta, trained, inputs.learning_rate as tf.Scalar);
        const recorded = forTargets(among, target => recordGradient(record, gradientOfLogits, target));
        return {
          ...updated.parameters,
          ...withPrefix(momentumPrefix, updated.momenta),
          ...withPrefix(lossPrefix, lossState),
          ...withPrefix(gradientPrefix, recorded),
        };
      };
      const ofStatistics = withPrefix(backbonePrefix, updatedStatistics);
      if (accumulate === 1) {
        const changed = stepBy(gradients, ofLogits as tf.Tensor2D, targets);
        return { state: { ...changed, ...ofStatistics }, outputs: { loss: value } };
      }

      // ------------------------------------------------ a micro-batch: the whole batch is stepped by with the last one
      const last = tf.greater(inputs.last!, 0);
      const {
        whole,
        mean,
        state: gathered,
      } = accumulated(withoutPrefix(accumulatedPrefix, state), {
        gradients,
        logits: logits!,
        targets,
        last,
        count: accumulate,
      });
      const ofWhole = tf.valueAndGrad(z => lossOfLogits(z as tf.Tensor2D, whole.targets))(whole.logits);
      const changed = Object.entries(stepBy(mean, ofWhole.grad as tf.Tensor2D, whole.targets));
      return {
        state: {
          ...Object.fromEntries(changed.map(([name, now]) => [name, tf.where(last, now, state[name]!)])),
          ...ofStatistics,
          ...withPrefix(accumulatedPrefix, gathered),
        },
        outputs: { loss: ofWhole.value },
      };
    },
  };
}

/** Logits `[B, C]` of `images` uint8 `[B, H, W, channels]` with running statistics; changes nothing. */
export function evalProgram(network: Network, batchSize: number): Program {
  return {
    inputs: imageSpec(network, batchSize),
    apply: (state, inputs) => ({
      state: {},
      outputs: { logits: headOf(network, state, backboneOf(network, state, inputs)) },
    }),
  };
}

/** Features `[B, featureSize]` of `images`, as `evalProgram` makes them on its way to the logits. */
export function featuresProgram(network: Network, batchSize: number): Program {
  return {
    inputs: imageSpec(network, batchSize),
    apply: (state, inputs) => ({ state: {}, outputs: { features: backboneOf(network, state, inputs) } }),
  };
}

/** Logits `[B, C]` of `features` `[B, featureSize]`. */
export function headProgram(network: Network, batchSize: number): Program {
  return {
    inputs: featureSpec(network, batchSize),
    apply: (state, { features }) => ({
      state: {},
      outputs: { logits: headOf(network, state, features as tf.Tensor2D) },
    }),
  };
}

const imageSpec = ({ imageShape }: Network, batchSize: number): Specs => ({
  images: { dtype: 'uint8', shape: [batchSize, ...imageShape] },
});
const featureSpec = ({ backbone }: Network, batchSize: number): Specs => ({
  features: { dtype: 'float32', shape: [batchSize, backbone.featureSize] },
});

/** Parameters that a step changes, by their full names. */
function trainedOf<T>(parameters: Record<string, T>, freeze: Freeze | undefined): Record<string, T> {
  if (!freeze?.backbone) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(headPrefix)));
}

/** Parameters by their full names; batch statistics by their names inside the backbone. */
function splitModel(state: Tensors): { parameters: Tensors; statistics: Tensors } {
  const isStatistic = (name: string) => /\.running_(mean|var)$/.test(name);
  const parameters = Object.entries(state).filter(([name]) => isModelEntry(name) && !isStatistic(name));
  const statistics = Object.entries(withoutPrefix(backbonePrefix, state)).filter(([name]) => isStatistic(name));
  return { parameters: Object.fromEntries(parameters), statistics: Object.fromEntries(statistics) };
}

type Forward = ReturnType<Backbone['apply']>;

function featuresOf(
  { backbone }: Network,
  parameters: Tensors,
  statistics: Tensors,
  images: tf.Tensor4D,
  training: boolean,
): Forward {
  return backbone.apply(withoutPrefix(backbonePrefix, parameters), statistics, images, training);
}

/** Features by running statistics. */
function backboneOf(network: Network, state: Tensors, { images }: Tensors): tf.Tensor2D {
  const { parameters, statistics } = splitModel(state);
  return featuresOf(network, parameters, statistics, normalized(images as tf.Tensor4D, network), false).features;
}

function headOf(network: Network, state: Tensors, features: tf.Tensor2D): tf.Tensor2D {
  return network.head.apply(withoutPrefix(headPrefix, state), features);
}

/** uint8 pixels → (x/255 − mean)/std, as one multiplication and one addition. */
function normalized(images: tf.Tensor4D, { mean, std }: Network): tf.Tensor4D {
  const scale = std.map(deviation => 1 / (255 * deviation));
  const offset = mean.map((average, channel) => -average / std[channel]!);
  return tf.add(tf.mul(tf.cast(images, 'float32'), tf.tensor1d(scale)), tf.tensor1d(offset));
}

/** Tensors made inside a gradient function that outlive it. */
function kept(tensors: Tensors): Tensors {
  for (const tensor of Object.values(tensors)) tf.keep(tensor);
  return tensors;
}

function withPrefix<T>(prefix: string, entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));
}

function withoutPrefix<T>(prefix: string, entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
