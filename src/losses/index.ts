/** Name → loss. */
import type { LossConfig } from '../config/schema.js';
import { crossEntropy } from './crossEntropy.js';
import { gala } from './gala.js';
import type { Loss } from './loss.js';

export function createLoss(config: LossConfig): Loss {
  return config.name === 'gala' ? gala(config) : crossEntropy();
}
