/** Name → optimizer. */

import { adamw } from './adamw.js';
import type { Optimizer } from './optimizer.js';
import type { OptimConfig } from './schema.js';
import { sgd } from './sgd.js';

export function createOptimizer(optim: OptimConfig): Optimizer {
  return optim.name === 'adamw' ? adamw(optim) : sgd(optim);
}
