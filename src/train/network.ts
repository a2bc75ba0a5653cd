/**
 * The programs of an evaluation: the whole network, or backbone and head apart. Also the forward pass, which training
 * shares.
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
  /** Mean and standard deviation per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Logits `[B, C]` of `images` uint8 `[B, H, W, channels]`, by the running statistics; does not change the state. */
export function evalProgram(network: Network, batchSize: number): Program {
  return {
    inputs: imageSpec(network, batchSize),
    apply: (state, inputs) => ({
      state: {},
      outputs: { logits: headOf(network, state, backboneOf(network, state, inputs)) },
    }),
  };
}

/** `evalProgram` for `images` float32 `[B, H, W, channels]` that are already normalised. */
export function normalizedEvalProgram(network: Network, batchSize: number): Program {
  return {
    inputs: { images: { dtype: 'float32', shape: [batchSize, ...network.imageShape] } },
    apply: (state, { images }) => ({
      state: {},
      outputs: { logits: headOf(network, state, backboneOfNormalized(network, state, images as tf.Tensor4D)) },
    }),
  };
}

/** The backbone of `evalProgram`: features `[B, featureSize]` of `images`. */
export function featuresProgram(network: Network, batchSize: number): Program {
  return {
    inputs: imageSpec(network, batchSize),
    apply: (state, inputs) => ({ state: {}, outputs: { features: backboneOf(network, state, inputs) } }),
  };
}

/** The head of `evalProgram`: logits `[B, C]` of `features` `[B, featureSize]`. */
export function headProgram(network: Network, batchSize: number): Program {
  return {
    inputs: featureSpec(network, batchSize),
    apply: (state, { features }) => ({
      state: {},
      outputs: { logits: headOf(network, state, features as tf.Tensor2D) },
    }),
  };
}

/** The input `images`, uint8 `[B, H, W, channels]`. */
export const imageSpec = ({ imageShape }: Network, batchSize: number): Specs => ({
  images: { dtype: 'uint8', shape: [batchSize, ...imageShape] },
});

/** The input `features`, which replaces images: float32 `[B, featureSize]`. */
export const featureSpec = ({ backbone }: Network, batchSize: number): Specs => ({
  features: { dtype: 'float32', shape: [batchSize, backbone.featureSize] },
});

export type Forward = ReturnType<Backbone['apply']>;

/**
 * Features of normalised images. With `training`, the batch statistics normalise, and the result has the updated
 * running statistics; else the running statistics normalise.
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

/** Features by the running statistics, and by the averaged weights if the state has them. */
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
