import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import { type Optimizer, zerosLike } from './optimizer.js';

/**
 * Stochastic gradient descent as `torch.optim.SGD`: weight decay is added to the gradient, v ← μ·v + g, w ← w − lr·v.
 * PyTorch's first step sets v = g, which μ·0 + g equals.
 */
export function sgd({ momentum, weight_decay }: { momentum: number; weight_decay: number }): Optimizer {
  return {
    init: zerosLike,
    update: (gradients, momenta, parameters, learningRate) => {
      const updated = { parameters: {} as Tensors, momenta: {} as Tensors };
      for (const [name, parameter] of Object.entries(parameters)) {
        const gradient = tf.add(gradients[name]!, tf.mul(parameter, weight_decay));
        const velocity = tf.add(tf.mul(momenta[name]!, momentum), gradient);
        updated.momenta[name] = velocity;
        updated.parameters[name] = tf.sub(parameter, tf.mul(velocity, learningRate));
      }
      return updated;
    },
  };
}
