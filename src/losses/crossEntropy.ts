import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy } from '../engine/trainingKernels.js';
import type { Loss } from './loss.js';

/** Softmax cross-entropy, mean over the batch (`torch.nn.functional.cross_entropy`). No state. */
export function crossEntropy(): Loss {
  return {
    name: 'cross_entropy',
    init: () => ({}),
    apply: (logits, labels) => ({ loss: tf.mean(sparseSoftmaxCrossEntropy(logits, labels)), logits, state: {} }),
  };
}
