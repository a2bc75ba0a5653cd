/** The self-test of an engine: three training steps whose losses are known, and how fast ResNet-32 trains. */
import { fork } from 'node:child_process';
import { compile, type EngineSettings } from '../engine/index.js';
import type { Executable } from '../engine/program.js';
import { GalaError } from '../errors.js';
import { linearHead } from '../models/head.js';
import { resnetCifar } from '../models/resnetCifar.js';
import { sgd } from '../optim/optimizers.js';
import type { HostTensors } from '../tensor.js';
import type { Learning } from '../train/learning.js';
import { createLoss } from '../train/learning.js';
import type { Network } from '../train/network.js';
import { initialState } from '../train/state.js';
import { trainProgram } from '../train/step.js';

export interface SelfTest {
  readonly passed: boolean;
  readonly losses: readonly number[];
  /** Largest relative difference between a loss and the known loss. */
  readonly error: number;
  readonly device: string;
  readonly precision: string;
  readonly images_per_second: number;
}

export type SelfTestOutcome = SelfTest | { readonly passed: false; readonly failure: string; readonly next?: string };

/**
 * Losses of three steps of ResNet-8 on one batch in fp32, as the engines `tensorflow` and `xla` (CPU) compute them. The
 * second and third loss depend on all gradients, momenta and batch statistics.
 */
export const knownLosses: readonly number[] = [2.271546, 2.168396, 2.03729];
export const tolerance = 1e-3;

const classes = 10;
const timedMilliseconds = 1000;
/** A first compilation for a GPU tries many kernels and may take minutes. */
const timeoutSeconds = 300;
const linesShown = 3;
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

/**
 * Runs the self-test in another process, because a broken engine may crash its process. Resolves to the result, or to
 * the reason for having none: the engine's error, a crash, or a run of more than five minutes.
 */
export function selfTestInProcess(settings: EngineSettings): Promise<SelfTestOutcome> {
  const child = fork(import.meta.filename, [JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let outcome: SelfTestOutcome | undefined;
  let output = '';
  child.on('message', message => {
    outcome = message as SelfTestOutcome;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-10_000);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
  return new Promise(resolve => {
    child.once('error', error => resolve({ passed: false, failure: error.message }));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (outcome) return resolve(outcome);
      const lines = output.trim().split('\n').slice(-linesShown).join(' ');
      const how = child.killed
        ? `did not end within ${timeoutSeconds} s`
        : `crashed with ${signal ?? `exit code ${code}`}`;
      resolve({ passed: false, failure: `The engine ${how}. ${lines}`.trim() });
    });
  });
}

/** Runs the self-test in this process; `timed: false` skips the speed, which is 0 then. Throws `EngineError`. */
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

/** Images and labels computed by a formula, which never changes. */
function batch(size: number): HostTensors {
  const pixels = Uint8Array.from({ length: size * 32 * 32 * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255);
  return {
    images: { dtype: 'uint8', shape: [size, 32, 32, 3], data: pixels },
    labels: { dtype: 'int32', shape: [size], data: Int32Array.from({ length: size }, (_, i) => (i * 3) % classes) },
    learning_rate: { dtype: 'float32', shape: [], data: Float32Array.of(0.1) },
  };
}

if (process.send && process.argv[1] === import.meta.filename) {
  const report = (outcome: SelfTestOutcome) => process.send!(outcome, () => process.exit());
  try {
    report(await selfTest(JSON.parse(process.argv[2]!) as EngineSettings));
  } catch (error) {
    const where = error instanceof GalaError && error.where !== undefined ? ` (${error.where})` : '';
    const next = error instanceof GalaError && error.next !== undefined ? { next: error.next } : {};
    report({ passed: false, failure: `${(error as Error).message}${where}`, ...next });
  }
}
