/**
 * Three training steps whose losses are known, and how fast ResNet-32 trains: what an engine has to show before it is
 * trusted.
 */
import { compile, type EngineSettings } from '../engine/index.js';
import type { Executable } from '../engine/program.js';
import { linearHead } from '../models/head.js';
import { resnetCifar } from '../models/resnetCifar.js';
import { sgd } from '../optim/sgd.js';
import type { HostTensors } from '../tensor.js';
import { createLoss } from '../train/createLoss.js';
import type { Learning } from '../train/learning.js';
import type { Network } from '../train/network.js';
import { initialState } from '../train/state.js';
import { trainProgram } from '../train/step.js';

export interface SelfTest {
  readonly passed: boolean;
  readonly losses: readonly number[];
  /** Largest relative difference of a loss from the known one. */
  readonly error: number;
  readonly device: string;
  readonly precision: string;
  readonly images_per_second: number;
}

/**
 * Losses of three steps of ResNet-8 on one batch in fp32 as the engines `tensorflow` and `xla` (CPU) compute them; the
 * second and third depend on all gradients, momenta and batch statistics.
 */
export const knownLosses: readonly number[] = [2.271546, 2.168396, 2.03729];
export const tolerance = 1e-3;

const classes = 10;
const timedMilliseconds = 1000;
const learning: Learning = {
  loss: createLoss({ name: 'cross_entropy' }),
  optimizer: sgd({ momentum: 0.9, weight_decay: 5e-4 }),
};

function networkOf(depth: number): Network {
  return {
    backbone: resnetCifar({ depth, channels: 3 }),
    head: linearHead(64, classes),
    imageShape: [32, 32, 3],
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  };
}

/** Runs both on an engine; `timed` = false leaves the speed out (0). Throws `EngineError`. */
export async function selfTest(settings: EngineSettings, { timed = true } = {}): Promise<SelfTest> {
  const losses = await trainSmall(settings);
  const error = Math.max(...losses.map((loss, i) => Math.abs(loss / knownLosses[i]! - 1)));
  const speed = timed ? await speedOf(settings) : { precision: settings.precision, device: '', images_per_second: 0 };
  return { passed: error <= tolerance, losses, error, ...speed };
}

async function trainSmall(settings: EngineSettings): Promise<number[]> {
  const executable = await compileTraining(networkOf(8), 16, { ...settings, precision: 'fp32' });
  try {
    const losses: number[] = [];
    const inputs = batch(16);
    for (let step = 0; step < 3; step++) losses.push((await executable.run('train', inputs)).loss!.data[0]!);
    return losses;
  } finally {
    executable.dispose();
  }
}

async function speedOf(
  settings: EngineSettings,
): Promise<Pick<SelfTest, 'device' | 'precision' | 'images_per_second'>> {
  const size = 64;
  const executable = await compileTraining(networkOf(32), size, settings);
  try {
    const inputs = batch(size);
    await executable.run('train', inputs);
    await executable.run('train', inputs);
    const started = performance.now();
    let steps = 0;
    while (steps < 2 || performance.now() - started < timedMilliseconds) {
      await executable.run('train', inputs);
      steps++;
    }
    const seconds = (performance.now() - started) / 1000;
    const { device, precision } = executable.info;
    return { device, precision, images_per_second: Math.round((size * steps) / seconds) };
  } finally {
    executable.dispose();
  }
}

function compileTraining(network: Network, batchSize: number, settings: EngineSettings): Promise<Executable> {
  const state = initialState(network, learning, new Int32Array(classes), 0);
  return compile({ state, programs: { train: trainProgram(network, learning, batchSize) } }, settings);
}

/** Images and labels of a formula. */
function batch(size: number): HostTensors {
  const pixels = Uint8Array.from({ length: size * 32 * 32 * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255);
  return {
    images: { dtype: 'uint8', shape: [size, 32, 32, 3], data: pixels },
    labels: { dtype: 'int32', shape: [size], data: Int32Array.from({ length: size }, (_, i) => (i * 3) % classes) },
    learning_rate: { dtype: 'float32', shape: [], data: Float32Array.of(0.1) },
  };
}
