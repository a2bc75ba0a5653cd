/** `optim`: the optimizer and its learning rates. */
import { z } from 'zod';
import { positiveInteger, wholeNumber } from '../ranges.js';

export const optim = z
  .strictObject({
    name: z.enum(['sgd', 'adamw']).default('sgd').describe('Which optimizer; both as in PyTorch.'),
    learning_rate: z.number().min(0).max(1e6).describe('Peak learning rate, reached at the end of the warm-up.'),
    warmup_learning_rate: z
      .union([z.literal('auto'), z.number().min(0).max(1e6)])
      .default('auto')
      .describe('Learning rate of the first epoch. auto = half of learning_rate.'),
    warmup_epochs: z
      .union([z.literal('auto'), wholeNumber])
      .default('auto')
      .describe(
        'Linear warm-up, then cosine to 0 in the last epoch. auto = max(2, ceil(200 / steps per epoch)); 0 or 1 = ' +
          'none, cosine from the first epoch on.',
      ),
    reference_batch_size: positiveInteger
      .max(65_536)
      .optional()
      .describe(
        'Batch size for which the learning rates were chosen: both are multiplied by train.batch_size / this. ' +
          'When left out, they are not scaled.',
      ),
    momentum: z.number().min(0).lt(1).default(0.9).describe('(sgd) Momentum (PyTorch form).'),
    beta1: z.number().min(0).lt(1).default(0.9).describe('(adamw) Decay per step of the mean of the gradients.'),
    beta2: z.number().min(0).lt(1).default(0.999).describe('(adamw) Decay per step of the mean of their squares.'),
    weight_decay: z
      .number()
      .min(0)
      .max(1)
      .default(5e-4)
      .describe(
        'Weight decay of every parameter. sgd: L2, added to the gradient, as in PyTorch. adamw: decoupled, times ' +
          'the learning rate; PyTorch’s default is 0.01.',
      ),
  })
  .describe('The optimizer and its schedule.');

/** The section `optim` of a config with every default filled in. */
export type OptimConfig = z.output<typeof optim>;
