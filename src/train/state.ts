/** The state of a training run: what a checkpoint holds, by name. */
import type { Executable, Tensors } from '../engine/program.js';
import type { Loss } from '../losses/loss.js';
import type { Optimizer } from '../optim/sgd.js';
import type { HostTensors } from '../tensor.js';
import { initialAccumulation } from './accumulation.js';
import { gradientSums, initialGradientRecord } from './gradientRecord.js';
import type { Network } from './network.js';

export interface Learning {
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Blend images and losses; the train step then takes the inputs of `mixupSpecs` too. */
  readonly mixup?: boolean;
  /** What is not trained; everything is when left out. */
  readonly freeze?: Freeze;
  /** Micro-batches of a step, 1 when left out; see `accumulation.ts`. */
  readonly accumulate?: number;
  /** Decay a step of the averaged weights; 0 or left out = none are kept. See `weightAverage.ts`. */
  readonly emaDecay?: number;
}

export interface Freeze {
  /** Only the head is trained, and has momenta. */
  readonly backbone: boolean;
  /** A frozen backbone runs as in evaluation: its running statistics normalise, and stay. */
  readonly batch_stats: boolean;
}

// Names of the state: parameters and statistics under `backbone.` and `classifier.` as in the reference code, `momentum.<parameter>`, `loss.<statistic>`, `gradient.<sum>`, `accumulated.<what>`,
// `ema.<parameter or statistic>`.
export const backbonePrefix = 'backbone.';
export const headPrefix = 'classifier.';
export const momentumPrefix = 'momentum.';
export const lossPrefix = 'loss.';
export const gradientPrefix = 'gradient.';
export const accumulatedPrefix = 'accumulated.';
export const emaPrefix = 'ema.';

/** Everything a step of `batchSize` images reads and writes, at step 0: what a checkpoint must hold. */
export function initialState(
  network: Network,
  learning: Learning,
  classCounts: Int32Array,
  seed: number,
  batchSize = 0,
): HostTensors {
  const { parameters, statistics } = network.backbone.init(seed);
  const all = { ...withPrefix(backbonePrefix, parameters), ...withPrefix(headPrefix, network.head.init(seed)) };
  const { accumulate = 1, mixup = false, emaDecay = 0, freeze } = learning;
  const trained = trainedOf(all, freeze);
  const ofBatches = withPrefix(backbonePrefix, statistics);
  return {
    ...all,
    ...ofBatches,
    ...withPrefix(momentumPrefix, learning.optimizer.init(trained)),
    ...withPrefix(lossPrefix, learning.loss.init(classCounts)),
    ...withPrefix(gradientPrefix, initialGradientRecord(classCounts.length)),
    ...(emaDecay > 0 && withPrefix(emaPrefix, { ...trained, ...(!freeze?.batch_stats && ofBatches) })),
    ...(accumulate > 1 &&
      withPrefix(
        accumulatedPrefix,
        initialAccumulation(trained, { rows: batchSize - batchSize / accumulate, classes: classCounts.length, mixup }),
      )),
  };
}

/** True for state entries that belong to the model: what evaluation and export need. */
export function isModelEntry(name: string): boolean {
  return name.startsWith(backbonePrefix) || name.startsWith(headPrefix);
}

/** The sums of the gradient record, by name; nothing else of the state is read. */
export async function readGradientRecord(executable: Executable): Promise<HostTensors> {
  return withoutPrefix(gradientPrefix, await executable.readState(gradientSums.map(name => gradientPrefix + name)));
}

/** Parameters that a step changes, by their full names. */
export function trainedOf<T>(parameters: Record<string, T>, freeze: Freeze | undefined): Record<string, T> {
  if (!freeze?.backbone) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(headPrefix)));
}

/** Parameters by their full names; batch statistics by their names inside the backbone. */
export function splitModel(state: Tensors): { parameters: Tensors; statistics: Tensors } {
  const isStatistic = (name: string) => /\.running_(mean|var)$/.test(name);
  const parameters = Object.entries(state).filter(([name]) => isModelEntry(name) && !isStatistic(name));
  const statistics = Object.entries(withoutPrefix(backbonePrefix, state)).filter(([name]) => isStatistic(name));
  return { parameters: Object.fromEntries(parameters), statistics: Object.fromEntries(statistics) };
}

/** Entries under names that begin with `prefix`. */
export function withPrefix<T>(prefix: string, entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));
}

/** The entries whose names begin with `prefix`, without it. */
export function withoutPrefix<T>(prefix: string, entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
