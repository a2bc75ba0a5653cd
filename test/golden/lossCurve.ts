/**
 * A short real training on the bundled set, step by step: what test/fixtures/loss_curve.json holds and the gate
 * repeats.
 */
import { loadConfig } from '../../src/config/load.js';
import { compile, engineSettings } from '../../src/engine/index.js';
import { openCalls } from '../../src/train/calls.js';
import { openExperiment } from '../../src/train/experiment.js';

export interface CurveOptions {
  /** One by default: results are bit-exact for one count. */
  readonly threads?: number;
  /** Epochs to train of the four. */
  readonly epochs?: number;
  /** In place of the gate's own loss: a fault that it must find. */
  readonly loss?: readonly string[];
  /** Set the loss's statistics back to their start before every epoch: another one. */
  readonly resetStatistics?: boolean;
}

export interface CurveFixture {
  readonly settings: readonly string[];
  readonly steps_per_epoch: number;
  /** Of one thread. */
  readonly losses: readonly number[];
  /** Per step, how far a training loss may be from `losses`. */
  readonly tolerance: readonly number[];
  readonly measured: {
    readonly made_on: string;
    readonly engine: string;
    readonly cpu: string;
    readonly factor: number;
    readonly floor: number;
    /** Per way of computing, the largest |loss − losses| up to each step. */
    readonly spread: Readonly<Record<string, readonly number[]>>;
  };
}

/** λ as released for CIFAR100-LT. */
export const curveLoss = ['loss.lambda1=1.2', 'loss.lambda2=0.9'];
/**
 * The learning rate is low because rounding grows with it: at 0.02 two threads were 0.65 from one by step 48, more than
 * a wrong λ1 makes; at 0.002 they are 0.002 away, and the margins do not depend on the rate.
 */
export const curveSettings = [
  'train.epochs=4',
  'train.batch_size=32',
  'optim.learning_rate=0.002',
  'optim.warmup_learning_rate=0.001',
  'data.workers=0',
  'precision=fp32',
];
export const stepsPerEpoch = 12;

/** Loss of every step: four epochs cut to 12 steps each, every part as in a real training. */
export async function lossCurve(options: CurveOptions = {}): Promise<number[]> {
  const { threads = 1, epochs = 4, loss = curveLoss, resetStatistics = false } = options;
  const set = [...curveSettings, ...loss, `threads=${threads}`];
  const { config } = loadConfig('fashion_mnist_lt/gala', { seed: 0, set });
  const experiment = await openExperiment(config);
  const batchSize = config.train.batch_size;
  const initial = experiment.initialState();
  const statistics = Object.fromEntries(Object.entries(initial).filter(([name]) => name.startsWith('loss.')));
  const executable = await compile({ state: initial, programs: experiment.programs }, await engineSettings(config));
  const order = (epoch: number) => experiment.order(epoch).subarray(0, stepsPerEpoch * batchSize);
  const calls = await openCalls({ ...experiment, order }, executable, { epoch: 1, step: 0 }, epochs);
  const losses: number[] = [];
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      if (resetStatistics) await executable.writeState(statistics);
      for (let step = 0; step < stepsPerEpoch; step++) {
        const { staged } = (await calls.next())!;
        const { loss } = await staged.run().finally(staged.dispose);
        losses.push(...loss!.data);
      }
    }
  } finally {
    await calls.close();
    executable.dispose();
  }
  return losses;
}

/** The first step whose loss is outside of the tolerance, as a sentence; undefined when all of them are inside. */
export function departure(losses: readonly number[], { losses: golden, tolerance }: CurveFixture): string | undefined {
  const step = losses.findIndex((loss, i) => !(Math.abs(loss - golden[i]!) <= tolerance[i]!));
  if (step === -1) return undefined;
  return `step ${step + 1}: loss ${losses[step]}, golden ${golden[step]} ± ${tolerance[step]}`;
}
