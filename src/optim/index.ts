/** Name → optimizer. */
import type { OptimConfig } from '../config/schema.js';
import { adamw } from './adamw.js';
import type { Optimizer } from './optimizer.js';
import { sgd } from './sgd.js';

export function createOptimizer(optim: OptimConfig): Optimizer {
  return optim.name === 'adamw' ? adamw(optim) : sgd(optim);
}
