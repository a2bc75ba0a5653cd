/**
 * What a network makes of images: the programs of an evaluation, whole or in two parts, and the forward pass they share
 * with training.
 */
import type { Program, Specs, Tensors } from '../engine/program.js';
import type { Backbone } from '../models/backbone.js';
import type { Head } from '../models/head.js';
import { backbonePrefix, evaluatedModel, headPrefix, splitModel, withoutPrefix } from '../models/modelEntries.js';
import tf from '../tfjs.cjs';

export interface Network {
  readonly backbone: Backbone;
  readonly head: Head;
  /** `[height, width, channels]`. */
  readonly imageShape: readonly [number, number, number];
  /** Per channel, of images in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
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

/** `evalProgram` on `images` float32 `[B, H, W, channels]` that are normalised already. */
export function normalizedEvalProgram(network: Network, batchSize: number): Program {
  return {
    inputs: { images: { dtype: 'float32', shape: [batchSize, ...network.imageShape] } },
    apply: (state, { images }) => ({
      state: {},
      outputs: { logits: headOf(network, state, backboneOfNormalized(network, state, images as tf.Tensor4D)) },
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

/** Images as the network takes them, uint8 `[B, H, W, channels]`. */
export const imageSpec = ({ imageShape }: Network, batchSize: number): Specs => ({
  images: { dtype: 'uint8', shape: [batchSize, ...imageShape] },
});

/** Features in the place of images, `[B, featureSize]`. */
export const featureSpec = ({ backbone }: Network, batchSize: number): Specs => ({
  features: { dtype: 'float32', shape: [batchSize, backbone.featureSize] },
});

export type Forward = ReturnType<Backbone['apply']>;

/**
 * Features by batch statistics when `training`, with what these make of the running ones; else by running statistics.
 */
export function featuresOf(
  { backbone }: Network,
  parameters: Tensors,
  statistics: Tensors,
  images: tf.Tensor4D,
  training: boolean,
): Forward {
  return backbone.apply(withoutPrefix(backbonePrefix, parameters), statistics, images, training);
}

/** Features by running statistics, of the averaged weights where the state has them. */
function backboneOf(network: Network, state: Tensors, { images }: Tensors): tf.Tensor2D {
  return backboneOfNormalized(network, state, normalized(images as tf.Tensor4D, network));
}

function backboneOfNormalized(network: Network, state: Tensors, images: tf.Tensor4D): tf.Tensor2D {
  const { parameters, statistics } = splitModel(evaluatedModel(state));
  return featuresOf(network, parameters, statistics, images, false).features;
}

function headOf(network: Network, state: Tensors, features: tf.Tensor2D): tf.Tensor2D {
  return network.head.apply(withoutPrefix(headPrefix, evaluatedModel(state)), features);
}

/** uint8 pixels → (x/255 − mean)/std, as one multiplication and one addition. */
export function normalized(images: tf.Tensor4D, { mean, std }: Network): tf.Tensor4D {
  const scale = std.map(deviation => 1 / (255 * deviation));
  const offset = mean.map((average, channel) => -average / std[channel]!);
  return tf.add(tf.mul(tf.cast(images, 'float32'), tf.tensor1d(scale)), tf.tensor1d(offset));
}
