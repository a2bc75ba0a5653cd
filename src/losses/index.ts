/** Name → loss. */
import type { LossConfig } from '../config/schema.js';
import { classBalanced } from './classBalanced.js';
import { crossEntropy } from './crossEntropy.js';
import { focal } from './focal.js';
import { gala } from './gala.js';
import { labelSmoothing } from './labelSmoothing.js';
import { ldam } from './ldam.js';
import { balancedSoftmax, logitAdjustment } from './logitAdjustment.js';
import type { Loss } from './loss.js';

/** The loss of a config; `scale` is that of a cosine head's logits, 1 for a linear head. */
export function createLoss(config: LossConfig, scale = 1): Loss {
  switch (config.name) {
    case 'cross_entropy':
      return crossEntropy();
    case 'label_smoothing':
      return labelSmoothing(config);
    case 'focal':
      return focal(config);
    case 'class_balanced':
      return classBalanced(config);
    case 'ldam':
      return ldam(config, scale);
    case 'balanced_softmax':
      return balancedSoftmax();
    case 'logit_adjustment':
      return logitAdjustment(config);
    case 'gala':
      return gala(config);
  }
}
