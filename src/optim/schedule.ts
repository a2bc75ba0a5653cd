import type { OptimConfig } from '../config/schema.js';

/** Epochs of linear warm-up: as given, or max(2, ceil(200 / steps per epoch)) — the reference divides by W − 1, so 1 would crash. */
export function warmupEpochs(optim: Pick<OptimConfig, 'warmup_epochs'>, stepsPerEpoch: number): number {
  return optim.warmup_epochs === 'auto' ? Math.max(2, Math.ceil(200 / stepsPerEpoch)) : optim.warmup_epochs;
}

/**
 * Learning rate of `epoch` (1-based) of `epochs`: linear from `warmup_learning_rate` at epoch 1 to `learning_rate` at epoch
 * W, then half a cosine to 0 at the last epoch (the reference's schedule). With W ≤ 1 the cosine begins at `learning_rate` in
 * the first epoch and would reach 0 after the last (MiSLAS, second stage).
 */
export function learningRateAt(
  epoch: number,
  epochs: number,
  warmup: number,
  { learning_rate, warmup_learning_rate }: Pick<OptimConfig, 'learning_rate' | 'warmup_learning_rate'>,
): number {
  if (warmup <= 1) return (learning_rate / 2) * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs));
  if (epoch <= warmup)
    return warmup_learning_rate + ((learning_rate - warmup_learning_rate) * (epoch - 1)) / (warmup - 1);
  return (learning_rate / 2) * (1 + Math.cos((Math.PI * (epoch - warmup)) / (epochs - warmup)));
}
