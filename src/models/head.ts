/** Classifiers on the pooled feature. */
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';
import { linearUniform, unitRows } from './init.js';

export interface Head {
  init(seed: number): HostTensors;
  /** Logits `[B, C]` of features `[B, featureSize]`. */
  apply(parameters: Tensors, features: tf.Tensor2D): tf.Tensor2D;
}

/** `torch.nn.Linear`: weight `[C, featureSize]`, bias `[C]`. */
export function linearHead(featureSize: number, classes: number): Head {
  return {
    init: seed => ({
      weight: linearUniform(seed, 'classifier.weight', [classes, featureSize], featureSize),
      bias: linearUniform(seed, 'classifier.bias', [classes], featureSize),
    }),
    apply: (parameters, features) =>
      tf.add(tf.matMul(features, parameters.weight as tf.Tensor2D, false, true), parameters.bias as tf.Tensor1D),
  };
}

/**
 * Scaled cosines, scale · cos(feature, row of the weight): the `NormedLinear` of kaidic/LDAM-DRW with the scale of its
 * loss taken in, so that the softmax of the logits is a probability. Weight `[C, featureSize]`, no bias.
 */
export function cosineHead(featureSize: number, classes: number, scale: number): Head {
  return {
    init: seed => ({ weight: unitRows(seed, 'classifier.weight', [classes, featureSize]) }),
    apply: (parameters, features) =>
      tf.mul(tf.matMul(normalizedRows(features), normalizedRows(parameters.weight as tf.Tensor2D), false, true), scale),
  };
}

/**
 * τ-normalisation (Kang et al., ICLR 2020): the rows of a trained weight `[C, featureSize]` divided by their length to
 * the power τ; no bias, as facebookresearch/classifier-balancing `tau_norm.py`. What it begins with is a linear head's
 * weight.
 */
export function tauNormalizedHead(featureSize: number, classes: number, tau: number): Head {
  return {
    init: seed => ({ weight: linearUniform(seed, 'classifier.weight', [classes, featureSize], featureSize) }),
    apply: ({ weight }, features) => {
      const squares = tf.maximum(tf.sum(tf.square(weight!), 1, true), 1e-24);
      return tf.matMul(features, tf.mul(weight!, tf.pow(squares, -tau / 2)) as tf.Tensor2D, false, true);
    },
  };
}

/** Rows of length 1, as `torch.nn.functional.normalize`: divided by max(length, 1e-12). */
function normalizedRows(x: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24);
  return tf.mul(x, tf.rsqrt(squares));
}
