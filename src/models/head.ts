/** The heads: classifiers on the pooled features. */
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
 * Scaled cosines, scale · cos(features, row of the weight): the `NormedLinear` of kaidic/LDAM-DRW. There the scale is
 * in the loss; here it is in the head, so that the softmax of the logits gives the probabilities. Weight
 * `[C, featureSize]`, no bias.
 */
export function cosineHead(featureSize: number, classes: number, scale: number): Head {
  return {
    init: seed => ({ weight: unitRows(seed, 'classifier.weight', [classes, featureSize]) }),
    apply: (parameters, features) =>
      tf.mul(tf.matMul(normalizedRows(features), normalizedRows(parameters.weight as tf.Tensor2D), false, true), scale),
  };
}

/**
 * τ-normalisation (Kang et al., ICLR 2020): each row of a trained weight `[C, featureSize]`, divided by its length to
 * the power τ; no bias, as in `tau_norm.py` of facebookresearch/classifier-balancing. The weight is that of a linear
 * head.
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

/** Rows divided by max(length, 1e-12), as in `torch.nn.functional.normalize`. */
function normalizedRows(x: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24);
  return tf.mul(x, tf.rsqrt(squares));
}
