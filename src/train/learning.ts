/** How a network learns: loss, optimiser and what of the network they change. */
import type { Config } from '../config/schema.js';
import type { Loss } from '../losses/loss.js';
import { logitScale } from '../models/index.js';
import { headPrefix } from '../models/modelEntries.js';
import { createOptimizer } from '../optim/index.js';
import type { Optimizer } from '../optim/optimizer.js';
import { createLoss } from './createLoss.js';

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

interface Freeze {
  /** Only the head is trained, and has momenta. */
  readonly backbone: boolean;
  /** A frozen backbone runs as in evaluation: its running statistics normalise, and stay. */
  readonly batch_stats: boolean;
}

/** What a config says of it. Throws `ConfigError` for a loss that does not fit the head. */
export function learningOf(config: Config): Learning & { readonly accumulate: number } {
  const { mixup_alpha, ema_decay, accumulate } = config.train;
  return {
    loss: createLoss(config.loss, logitScale(config.model)),
    optimizer: createOptimizer(config.optim),
    mixup: mixup_alpha > 0,
    freeze: config.freeze,
    // A step of the classifier alone, on features that are there, fits into any memory
    accumulate: hasFixedFeatures(config) ? 1 : accumulate,
    emaDecay: ema_decay,
  };
}

/** True where the features of an image are the same at every step; see `fixedFeatures.ts`. */
export function hasFixedFeatures({ freeze, data, train }: Pick<Config, 'freeze' | 'data' | 'train'>): boolean {
  return freeze.backbone && freeze.batch_stats && data.augment.length === 0 && train.mixup_alpha === 0;
}

/** Parameters that a step changes, by their full names. */
export function trainedOf<T>(parameters: Record<string, T>, freeze: Freeze | undefined): Record<string, T> {
  if (!freeze?.backbone) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(headPrefix)));
}
