/** The learning rate of each epoch, and how a config's rates follow the batch size. */
import type { OptimConfig } from './schema.js';

/**
 * Epochs W of linear warm-up: as given, or for `auto` max(2, ceil(200 / steps per epoch)). At least 2, because the
 * warm-up of the reference divides by W − 1.
 */
export function warmupEpochs(optim: Pick<OptimConfig, 'warmup_epochs'>, stepsPerEpoch: number): number {
  return optim.warmup_epochs === 'auto' ? Math.max(2, Math.ceil(200 / stepsPerEpoch)) : optim.warmup_epochs;
}

/**
 * Learning rate of `epoch` (1-based) of `epochs`: linear from `warmup_learning_rate` at epoch 1 to `learning_rate` at
 * epoch W, then half a cosine to 0 at the last epoch (the reference's schedule). With W ≤ 1 there is no warm-up: the
 * cosine begins at `learning_rate` in the first epoch and reaches 0 one epoch after the last (MiSLAS, second stage).
 */
export function learningRateAt(
  epoch: number,
  epochs: number,
  warmup: number,
  { learning_rate, warmup_learning_rate }: Rates,
): number {
  if (warmup <= 1) return (learning_rate / 2) * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs));
  if (epoch <= warmup)
    return warmup_learning_rate + ((learning_rate - warmup_learning_rate) * (epoch - 1)) / (warmup - 1);
  return (learning_rate / 2) * (1 + Math.cos((Math.PI * (epoch - warmup)) / (epochs - warmup)));
}

export interface Rates {
  readonly learning_rate: number;
  readonly warmup_learning_rate: number;
}

type RateKeys = Pick<OptimConfig, 'learning_rate' | 'warmup_learning_rate' | 'reference_batch_size'>;

/**
 * Both learning rates times batch size / `reference_batch_size` (linear scaling, Goyal et al. 2017). Without
 * `reference_batch_size` they stay as written.
 */
export function scaledRates(optim: RateKeys, batchSize: number): Rates {
  const factor = optim.reference_batch_size === undefined ? 1 : batchSize / optim.reference_batch_size;
  const { learning_rate, warmup_learning_rate } = writtenRates(optim);
  return { learning_rate: learning_rate * factor, warmup_learning_rate: warmup_learning_rate * factor };
}

/** The rates before scaling; `auto` is resolved. */
function writtenRates({ learning_rate, warmup_learning_rate: start }: RateKeys): Rates {
  return { learning_rate, warmup_learning_rate: start === 'auto' ? learning_rate / 2 : start };
}

/** A sentence on what `scaledRates` does, for the terminal; undefined without `reference_batch_size`. */
export function describeScaling(optim: OptimConfig, batchSize: number): string | undefined {
  if (optim.reference_batch_size === undefined) return undefined;
  const written = writtenRates(optim);
  const { learning_rate, warmup_learning_rate } = scaledRates(optim, batchSize);
  const rounded = (rate: number) => Number(rate.toPrecision(6));
  return (
    `Learning rates times ${rounded(batchSize / optim.reference_batch_size)} (train.batch_size ` +
    `${batchSize} / optim.reference_batch_size ${optim.reference_batch_size}): ` +
    `learning_rate ${written.learning_rate} → ${rounded(learning_rate)}, warmup_learning_rate ` +
    `${written.warmup_learning_rate} → ${rounded(warmup_learning_rate)}.`
  );
}

/** A sentence for the terminal when the warm-up leaves no epoch for the decay of the learning rate; else undefined. */
export function describeLongWarmup(
  optim: Pick<OptimConfig, 'warmup_epochs'>,
  stepsPerEpoch: number,
  epochs: number,
): string | undefined {
  const warmup = warmupEpochs(optim, stepsPerEpoch);
  if (epochs === 0 || warmup <= 1 || warmup < epochs) return undefined;
  const less = Math.max(1, Math.min(5, Math.floor(epochs / 4)));
  return (
    `the warm-up takes ${warmup} epochs of ${stepsPerEpoch} steps, and train.epochs is ${epochs}: the learning ` +
    'rate never decays. ' +
    `Set optim.warmup_epochs=${less}${less === 1 ? ', which is no warm-up' : ''}.`
  );
}
