/**
 * GALA training steps of a CIFAR ResNet on any engine, for tests that compare two of them from one state and the same
 * batches.
 */
import type * as tf from '@tensorflow/tfjs';
import type { CompileRequest, Executable } from '../../src/engine/program.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import type { Optimizer } from '../../src/optim/optimizers.js';
import { sgd } from '../../src/optim/optimizers.js';
import type { HostTensors } from '../../src/tensor.js';
import type { Learning } from '../../src/train/learning.js';
import { createLoss } from '../../src/train/learning.js';
import type { Network } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { trainProgram } from '../../src/train/step.js';
import { float32, maxError, normError, randomBytes, randomIntegers } from '../numbers.js';

const batchSize = 8;
export const classes = 10;
export const learning: Learning = {
  loss: createLoss({ name: 'gala', lambda1: 1.2, lambda2: 0.9, variant: 'released', accumulation: 'released' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};

export const networkOf = (depth: number, activation: (x: tf.Tensor4D) => tf.Tensor4D): Network => ({
  backbone: resnetCifar({ depth, channels: 3, activation }),
  head: linearHead(64, classes),
  imageShape: [32, 32, 3],
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
});

export const startOf = (network: Network, by = learning) => initialState(network, by, new Int32Array(classes), 0);

/** Losses of the steps `from`…`to` − 1 after `state`, and the state after them. */
export async function train(
  compile: (request: CompileRequest) => Promise<Executable>,
  network: Network,
  state: HostTensors,
  [from, to]: readonly [number, number],
  by = learning,
): Promise<{ losses: number[]; state: HostTensors }> {
  const executable = await compile({ state, programs: { train: trainProgram(network, by, batchSize) } });
  const losses: number[] = [];
  try {
    for (let step = from; step < to; step++) {
      const outputs = await executable.run('train', {
        images: randomBytes(`images of step ${step}`, [batchSize, ...network.imageShape]),
        labels: randomIntegers(`labels of step ${step}`, [batchSize], classes),
        learning_rate: float32([], [0.05]),
        ...factorsOf(by.optimizer, step + 1),
      });
      losses.push(outputs.loss!.data[0]!);
    }
    return { losses, state: await executable.readState() };
  } finally {
    executable.dispose();
  }
}

/** What the train program takes beside the learning rate at a step, from 1. */
export function factorsOf(optimizer: Optimizer, step: number): HostTensors {
  const factors = Object.entries(optimizer.factorsAt?.(step) ?? {});
  return Object.fromEntries(factors.map(([name, value]) => [name, float32([], [value])]));
}

/** All entries whose name the filter takes, one after the other. */
const joined = (state: HostTensors, taken: (name: string) => boolean) =>
  Float64Array.from(
    Object.keys(state)
      .filter(taken)
      .sort()
      .flatMap(name => Array.from(state[name]!.data)),
  );

type Outcome = Awaited<ReturnType<typeof train>>;

/**
 * How far one step of an engine is from another's: max|a−b|/max|b| of the loss, ‖a−b‖/‖b‖ of all momenta
 * and of the rest of the state.
 */
export function stepErrors(actual: Outcome, expected: Outcome): { loss: number; momenta: number; state: number } {
  // The first momenta are the gradients, with the weight decay that both add alike
  const isMomentum = (name: string) => name.startsWith('momentum.');
  const norm = (taken: (name: string) => boolean) =>
    normError(joined(actual.state, taken), joined(expected.state, taken));
  return {
    loss: maxError(actual.losses, expected.losses),
    momenta: norm(isMomentum),
    state: norm(name => !isMomentum(name)),
  };
}
