/** Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), as `torch.optim.AdamW`. */
import * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import { withPrefix } from '../models/modelEntries.js';
import { type Optimizer, zerosLike } from './optimizer.js';

const epsilon = 1e-8;
const firstPrefix = 'first.';
const secondPrefix = 'second.';

/**
 * w ← w·(1 − lr·decay); m ← β1·m + (1 − β1)·g; v ← β2·v + (1 − β2)·g²; w ← w − lr/(1 − β1^t)·m / (√v/√(1 − β2^t) +
 * 1e-8). As with SGD every parameter decays. The moments are `first.<parameter>` and `second.<parameter>`. The
 * corrections of step t come from the host in double precision: the position in training says t, so a checkpoint need
 * not.
 */
export function adamw({
  beta1,
  beta2,
  weight_decay,
}: {
  readonly beta1: number;
  readonly beta2: number;
  readonly weight_decay: number;
}): Optimizer {
  return {
    init: parameters => {
      const [first, second] = [zerosLike(parameters), zerosLike(parameters)];
      return { ...withPrefix(firstPrefix, first), ...withPrefix(secondPrefix, second) };
    },
    factorNames: ['first_correction', 'second_correction'],
    factorsAt: step => ({ first_correction: 1 - beta1 ** step, second_correction: Math.sqrt(1 - beta2 ** step) }),
    update: (gradients, moments, parameters, learningRate, factors) => {
      const { first_correction, second_correction } = factors!;
      const kept = tf.sub(1, tf.mul(learningRate, weight_decay));
      const stepSize = tf.div(learningRate, first_correction!);
      const updated = { parameters: {} as Tensors, momenta: {} as Tensors };
      for (const [name, parameter] of Object.entries(parameters)) {
        const gradient = gradients[name]!;
        const [before, squaresBefore] = [moments[firstPrefix + name]!, moments[secondPrefix + name]!];
        const first = tf.add(before, tf.mul(tf.sub(gradient, before), 1 - beta1));
        const second = tf.add(tf.mul(squaresBefore, beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const scale = tf.add(tf.div(tf.sqrt(second), second_correction!), epsilon);
        updated.momenta[firstPrefix + name] = first;
        updated.momenta[secondPrefix + name] = second;
        updated.parameters[name] = tf.sub(tf.mul(parameter, kept), tf.mul(stepSize, tf.div(first, scale)));
      }
      return updated;
    },
  };
}
