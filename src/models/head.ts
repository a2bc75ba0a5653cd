/** Classifiers on the pooled feature. */
import * as tf from '@tensorflow/tfjs';
import type { HostTensors, Tensors } from '../engine/program.js';
import { linearUniform } from './init.js';

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
