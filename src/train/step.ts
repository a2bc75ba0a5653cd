/** The two programs of a training run over one state: the train step, and the logits of a batch. */
import * as tf from '@tensorflow/tfjs';
import type { HostTensors, Program, Tensors } from '../engine/program.js';
import type { Loss } from '../losses/loss.js';
import type { Backbone } from '../models/backbone.js';
import type { Head } from '../models/head.js';
import type { Optimizer } from '../optim/sgd.js';
import { initialGradientRecord, recordGradient } from './gradientRecord.js';

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
}

// Names of the state: parameters and statistics under `backbone.` and `classifier.` as in the reference code, `momentum.<parameter>`, `loss.<statistic>`, `gradient.<sum>`.
const backbonePrefix = 'backbone.';
const headPrefix = 'classifier.';
const momentumPrefix = 'momentum.';
const lossPrefix = 'loss.';
const gradientPrefix = 'gradient.';

/** Everything a step reads and writes, at step 0: what a checkpoint must hold. */
export function initialState(network: Network, learning: Learning, classCounts: Int32Array, seed: number): HostTensors {
  const { parameters, statistics } = network.backbone.init(seed);
  const trained = { ...withPrefix(backbonePrefix, parameters), ...withPrefix(headPrefix, network.head.init(seed)) };
  return {
    ...trained,
    ...withPrefix(backbonePrefix, statistics),
    ...withPrefix(momentumPrefix, learning.optimizer.init(trained)),
    ...withPrefix(lossPrefix, learning.loss.init(classCounts)),
    ...withPrefix(gradientPrefix, initialGradientRecord(classCounts.length)),
  };
}

/** True for state entries that belong to the model: what evaluation and export need. */
export function isModelEntry(name: string): boolean {
  return name.startsWith(backbonePrefix) || name.startsWith(headPrefix);
}

/** The sums of a state's gradient record, by name. */
export function gradientRecordOf(state: HostTensors): HostTensors {
  return withoutPrefix(gradientPrefix, state);
}

/**
 * One step of SGD on `images` uint8 `[B, H, W, channels]` and `labels` int32 `[B]` at `learning_rate` []: output `loss` [],
 * the batch mean before the update.
 */
export function trainProgram(network: Network, { loss, optimizer }: Learning, batchSize: number): Program {
  return {
    inputs: {
      images: { dtype: 'uint8', shape: [batchSize, ...network.imageShape] },
      labels: { dtype: 'int32', shape: [batchSize] },
      learning_rate: { dtype: 'float32', shape: [] },
    },
    apply: (state, inputs) => {
      const { parameters, statistics } = splitModel(state);
      const names = Object.keys(parameters);
      const images = normalized(inputs.images as tf.Tensor4D, network);
      const labels = inputs.labels as tf.Tensor1D;
      const record = withoutPrefix(gradientPrefix, state);
      // Zeros added to the logits: their gradient is that of the logits, whatever the loss.
      const probe = tf.zeros([batchSize, record.positive!.shape[0]!]);
      let updatedStatistics: Tensors = {};
      let lossState: Tensors = {};
      const lossOf = (added: tf.Tensor, ...values: tf.Tensor[]) => {
        const current = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const forward = logitsOf(network, current, statistics, images, true);
        updatedStatistics = kept(forward.statistics);
        const logits = tf.add(forward.logits, added) as tf.Tensor2D;
        const result = loss.apply(logits, labels, withoutPrefix(lossPrefix, state));
        lossState = kept(result.state);
        return result.loss;
      };
      const { value, grads } = tf.valueAndGrads(lossOf)([probe, ...names.map(name => parameters[name]!)]);
      const [ofLogits, ...ofParameters] = grads;
      const gradients = Object.fromEntries(names.map((name, i) => [name, ofParameters[i]!]));
      const momenta = withoutPrefix(momentumPrefix, state);
      const updated = optimizer.update(gradients, momenta, parameters, inputs.learning_rate as tf.Scalar);
      return {
        state: {
          ...updated.parameters,
          ...withPrefix(backbonePrefix, updatedStatistics),
          ...withPrefix(momentumPrefix, updated.momenta),
          ...withPrefix(lossPrefix, lossState),
          ...withPrefix(gradientPrefix, recordGradient(record, ofLogits as tf.Tensor2D, labels)),
        },
        outputs: { loss: value },
      };
    },
  };
}

/** Logits `[B, C]` of `images` uint8 `[B, H, W, channels]` with running statistics; changes nothing. */
export function evalProgram(network: Network, batchSize: number): Program {
  return {
    inputs: { images: { dtype: 'uint8', shape: [batchSize, ...network.imageShape] } },
    apply: (state, inputs) => {
      const { parameters, statistics } = splitModel(state);
      const images = normalized(inputs.images as tf.Tensor4D, network);
      return { state: {}, outputs: { logits: logitsOf(network, parameters, statistics, images, false).logits } };
    },
  };
}

/** Parameters by their full names; batch statistics by their names inside the backbone. */
function splitModel(state: Tensors): { parameters: Tensors; statistics: Tensors } {
  const isStatistic = (name: string) => /\.running_(mean|var)$/.test(name);
  const parameters = Object.entries(state).filter(([name]) => isModelEntry(name) && !isStatistic(name));
  const statistics = Object.entries(withoutPrefix(backbonePrefix, state)).filter(([name]) => isStatistic(name));
  return { parameters: Object.fromEntries(parameters), statistics: Object.fromEntries(statistics) };
}

function logitsOf(network: Network, parameters: Tensors, statistics: Tensors, images: tf.Tensor4D, training: boolean) {
  const backbone = network.backbone.apply(withoutPrefix(backbonePrefix, parameters), statistics, images, training);
  return {
    logits: network.head.apply(withoutPrefix(headPrefix, parameters), backbone.features),
    statistics: backbone.statistics,
  };
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
