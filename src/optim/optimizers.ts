/** The optimizers: pure functions over named parameters. As in PyTorch, weight decay acts on every parameter. */
import type { Tensors } from '../engine/program.js';
import { withPrefix } from '../models/modelEntries.js';
import { type HostTensors, zeros } from '../tensor.js';
import tf from '../tfjs.cjs';
import type { OptimConfig } from './schema.js';

export interface Optimizer {
  /** The momenta before the first step, all zero: one tensor per parameter for SGD, two for AdamW. */
  init(parameters: HostTensors): HostTensors;
  /** Names of the scalars [] that a step takes beside the learning rate; none when left out. */
  readonly factorNames?: readonly string[];
  /** Values of these scalars at a step, counted from 1 over the whole training. */
  factorsAt?(step: number): Readonly<Record<string, number>>;
  /** One step. `factors` has a tensor for each of `factorNames`. */
  update(
    gradients: Tensors,
    momenta: Tensors,
    parameters: Tensors,
    learningRate: tf.Scalar,
    factors?: Tensors,
  ): { parameters: Tensors; momenta: Tensors };
}

export function createOptimizer(optim: OptimConfig): Optimizer {
  return optim.name === 'adamw' ? adamw(optim) : sgd(optim);
}

/**
 * Stochastic gradient descent as `torch.optim.SGD`: g ← g + decay·w; v ← μ·v + g; w ← w − lr·v. PyTorch
 * sets v = g at the first step; here v begins at 0, which gives the same.
 */
export function sgd({ momentum, weight_decay }: Pick<OptimConfig, 'momentum' | 'weight_decay'>): Optimizer {
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

const epsilon = 1e-8;
const firstPrefix = 'first.';
const secondPrefix = 'second.';

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), as `torch.optim.AdamW`: w ← w·(1 −
 * lr·decay); m ← β1·m + (1 − β1)·g; v ← β2·v + (1 − β2)·g²; w ← w − lr/(1 − β1^t)·m /
 * (√v/√(1 − β2^t) + 1e-8). The momenta are `first.<parameter>` (m) and `second.<parameter>` (v). The host
 * computes the corrections of step t in double precision from the position in training, so a checkpoint need not store
 * t.
 */
export function adamw({
  beta1,
  beta2,
  weight_decay,
}: Pick<OptimConfig, 'beta1' | 'beta2' | 'weight_decay'>): Optimizer {
  return {
    init: parameters => {
      const [first, second] = [zerosLike(parameters), zerosLike(parameters)];
      return { ...withPrefix(firstPrefix, first), ...withPrefix(secondPrefix, second) };
    },
    factorNames: ['first_correction', 'second_correction'],
    factorsAt: step => ({ first_correction: 1 - beta1 ** step, second_correction: Math.sqrt(1 - beta2 ** step) }),
    update: (gradients, momenta, parameters, learningRate, factors) => {
      const { first_correction, second_correction } = factors!;
      const kept = tf.sub(1, tf.mul(learningRate, weight_decay));
      const stepSize = tf.div(learningRate, first_correction!);
      const updated = { parameters: {} as Tensors, momenta: {} as Tensors };
      for (const [name, parameter] of Object.entries(parameters)) {
        const gradient = gradients[name]!;
        const [firstBefore, secondBefore] = [momenta[firstPrefix + name]!, momenta[secondPrefix + name]!];
        const first = tf.add(firstBefore, tf.mul(tf.sub(gradient, firstBefore), 1 - beta1));
        const second = tf.add(tf.mul(secondBefore, beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const scale = tf.add(tf.div(tf.sqrt(second), second_correction!), epsilon);
        updated.momenta[firstPrefix + name] = first;
        updated.momenta[secondPrefix + name] = second;
        updated.parameters[name] = tf.sub(tf.mul(parameter, kept), tf.mul(stepSize, tf.div(first, scale)));
      }
      return updated;
    },
  };
}

/** Float32 zeros in the shapes of the parameters. */
function zerosLike(parameters: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, zeros(shape)]));
}
