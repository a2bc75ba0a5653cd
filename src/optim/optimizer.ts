/** What an optimizer is: a pure function over named parameters. */
import type * as tf from '@tensorflow/tfjs';
import type { Tensors } from '../engine/program.js';
import { type HostTensors, zeros } from '../tensor.js';

export interface Optimizer {
  /** What it keeps of the parameters, zero at first: one buffer for each with SGD, two with AdamW. */
  init(parameters: HostTensors): HostTensors;
  /** Names of the scalars [] that a step takes beside the learning rate; none when left out. */
  readonly factorNames?: readonly string[];
  /** Their values at a step, counted from 1 over the whole training. */
  factorsAt?(step: number): Readonly<Record<string, number>>;
  /** One step. `factors` has the tensors of `factorNames`. */
  update(
    gradients: Tensors,
    momenta: Tensors,
    parameters: Tensors,
    learningRate: tf.Scalar,
    factors?: Tensors,
  ): { parameters: Tensors; momenta: Tensors };
}

/** Float32 zeros in the shapes of the parameters. */
export function zerosLike(parameters: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, zeros(shape)]));
}
