/** The loss of a config, with the kernels that it computes with. */
import * as tf from '@tensorflow/tfjs';
import { sparseSoftmaxCrossEntropy, sumByClass } from '../engine/trainingKernels.js';
import { type LossConfig, losses } from '../losses/index.js';
import type { Loss, LossDefinition } from '../losses/loss.js';

const kernels = { tf, sparseSoftmaxCrossEntropy, sumByClass };

/** `scale` is the factor of the logits of a cosine head, 1 for any other head. */
export function createLoss(config: LossConfig, scale = 1): Loss {
  const definition: LossDefinition = losses[config.name];
  return definition.create(config, kernels, scale);
}
