// Training steps of ResNet-32 with GALA on random images; their losses and gradients compare engines.
import * as tf from '@tensorflow/tfjs';
import { compile } from '../../dist/src/engine/index.js';
import { linearHead } from '../../dist/src/models/head.js';
import { momentumPrefix } from '../../dist/src/models/modelEntries.js';
import { resnetCifar } from '../../dist/src/models/resnetCifar.js';
import { randomFor } from '../../dist/src/random.js';
import { initialState } from '../../dist/src/train/state.js';
import { trainProgram } from '../../dist/src/train/step.js';
import { learning } from '../../dist/test/engine/trainingSteps.js';

const classes = 100;
/** `small` is for XLA on a CPU, which needs minutes for the whole. */
export const sizes = { whole: { batchSize: 64, steps: 8 }, small: { batchSize: 8, steps: 2 } };

/** Training uses ReLU, whose masks flip near zero: two right engines differ with it. With softplus they do not. */
const activations = { relu: x => tf.relu(x), softplus: x => tf.softplus(x) };

/** Losses of all steps, and the momenta after the first step, which are its gradients: base64 of float32, by name. */
export async function recordSteps(settings, precision, activation, { batchSize, steps }) {
  const network = {
    backbone: resnetCifar({ depth: 32, channels: 3, activation: activations[activation] }),
    head: linearHead(64, classes),
    imageShape: [32, 32, 3],
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
  };
  const state = initialState(network, learning, new Int32Array(classes), 0);
  const programs = { train: trainProgram(network, learning, batchSize) };
  const executable = await compile({ state, programs }, { ...settings, precision });
  try {
    const first = await executable.stage('train', batches(batchSize, 0, 1));
    const losses = [...(await first.run()).loss.data];
    first.dispose();
    const momenta = await executable.readState(Object.keys(state).filter(name => name.startsWith(momentumPrefix)));
    const rest = await executable.stage('train', batches(batchSize, 1, steps));
    losses.push(...(await rest.run()).loss.data);
    rest.dispose();
    const gradients = Object.fromEntries(
      Object.entries(momenta).map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('base64')]),
    );
    return { losses, gradients };
  } finally {
    executable.dispose();
  }
}

/** ‖a − b‖/‖b‖ over all gradients, and the largest relative difference of the losses. */
export function difference(actual, expected) {
  const numbers = text => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
  let [gap, size] = [0, 0];
  for (const [name, text] of Object.entries(expected.gradients)) {
    const [a, b] = [numbers(actual.gradients[name]), numbers(text)];
    for (let i = 0; i < b.length; i++) {
      gap += (a[i] - b[i]) ** 2;
      size += b[i] ** 2;
    }
  }
  const losses = expected.losses.map((loss, step) => Math.abs(actual.losses[step] - loss) / Math.abs(loss));
  return { gradients: Math.sqrt(gap / size), first_loss: losses[0], losses: Math.max(...losses) };
}

function batches(batchSize, from, to) {
  const count = to - from;
  const random = randomFor('gpu-check', from);
  const images = Uint8Array.from({ length: count * batchSize * 3072 }, () => random.integer(256));
  const labels = Int32Array.from({ length: count * batchSize }, () => random.integer(classes));
  return {
    images: { dtype: 'uint8', shape: [count, batchSize, 32, 32, 3], data: images },
    labels: { dtype: 'int32', shape: [count, batchSize], data: labels },
    learning_rate: { dtype: 'float32', shape: [count], data: new Float32Array(count).fill(0.05) },
  };
}
