/** How a network is trained: by which loss and optimizer, and which of its parameters they change. */
import type { Config } from '../config/schema.js';
import { sparseSoftmaxCrossEntropy, sumByClass } from '../engine/trainingKernels.js';
import { type LossConfig, losses } from '../losses/index.js';
import type { Loss, LossDefinition } from '../losses/loss.js';
import { logitScale } from '../models/index.js';
import { headPrefix } from '../models/modelEntries.js';
import { createOptimizer, type Optimizer } from '../optim/optimizers.js';
import tf from '../tfjs.cjs';
import type { Distillation } from './distillation.js';

export interface Learning {
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Blend images and losses; the training step then also takes the inputs of `mixupSpecs`. */
  readonly mixup?: boolean;
  /** What is not trained; when left out, everything is trained. */
  readonly freeze?: Freeze;
  /** Micro-batches per step, 1 when left out; see `accumulation.ts`. */
  readonly accumulate?: number;
  /** Decay per step of the averaged weights; 0 or left out: there are no averages. See `movedAverages` in `step.ts`. */
  readonly emaDecay?: number;
  /** When left out, there are no teachers. */
  readonly distillation?: Distillation | undefined;
}

interface Freeze {
  /** Train the head only; the backbone has no momenta. */
  readonly backbone: boolean;
  /** Normalise by the running statistics of the frozen backbone, and leave them unchanged. */
  readonly batch_stats: boolean;
}

export function learningOf(config: Config): Learning & { readonly accumulate: number } {
  const { mixup_alpha, ema_decay, accumulate } = config.train;
  return {
    loss: createLoss(config.loss, logitScale(config.model)),
    optimizer: createOptimizer(config.optim),
    mixup: mixup_alpha > 0,
    freeze: config.freeze,
    // A step of the classifier on stored features fits into any memory.
    accumulate: hasFixedFeatures(config) ? 1 : accumulate,
    emaDecay: ema_decay,
    distillation: distillationOf(config),
  };
}

function distillationOf({ distill: { teacher, seeds, weight, temperature } }: Config): Distillation | undefined {
  return teacher === undefined ? undefined : { teachers: seeds.length, weight, temperature };
}

/** The loss of a config. `scale` is the factor of the logits of a cosine head; 1 for any other head. */
export function createLoss(config: LossConfig, scale = 1): Loss {
  const definition: LossDefinition = losses[config.name];
  return definition.create(config, { tf, sparseSoftmaxCrossEntropy, sumByClass }, scale);
}

/** True when the features of an image are the same at every step; see `fixedFeatures.ts`. */
export function hasFixedFeatures({
  freeze,
  data,
  train,
  distill,
}: Pick<Config, 'freeze' | 'data' | 'train' | 'distill'>): boolean {
  const isFixed = freeze.backbone && freeze.batch_stats && data.augment.length === 0 && train.mixup_alpha === 0;
  return isFixed && distill.teacher === undefined; // the teachers take images
}

/** The parameters that a step changes, by their full names. */
export function trainedParameters<T>(parameters: Record<string, T>, freeze: Freeze | undefined): Record<string, T> {
  if (!freeze?.backbone) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(headPrefix)));
}
